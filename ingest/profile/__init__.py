"""Profiles, the documents that register a sensor type: one enters, a ``SensorType`` or an error leaves."""
