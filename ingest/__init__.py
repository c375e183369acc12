"""Bytes in, batches out.

Messages of devices enter; typed columnar batches and quarantine records leave; an acknowledgement goes back to the
broker only after the commit.
"""
