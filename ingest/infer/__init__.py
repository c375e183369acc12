"""Learning a profile: messages (or an entity, or a schema of ``ingest.ngsi``) in, a document with its doubts out. Pure.

``messages`` is the way in. ``shape`` lays messages over each other, ``roles`` finds time, device and place in them, ``fields``
makes fields of the rest with the units that ``guess`` reads out of names (``words``: Chinese ones), ``draft`` writes the YAML.
"""  # noqa: E501 - two sentences
