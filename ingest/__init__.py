"""Bytes in, batches out: messages of devices enter, typed columnar batches and quarantine records leave, and an
acknowledgement goes back only after the commit."""
