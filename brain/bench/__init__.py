"""The benchmarks: a shape of traffic enters, figures leave; nothing here is part of the way of the data.

Every part starts what it measures in a scratch folder on loopback, lets a generator in a process of its own speak plain
MQTT to it, looks at the data base and at ``/proc`` from outside, and takes everything down again. Results go through
``report`` (a table or one JSON object) into ``history`` (JSON lines), which compares them with earlier runs.
"""
