"""The web: questions and steps of people enter over HTTP, pages, JSON and live streams leave.

It reads the store and writes only what people do (steps of incidents, devices, messages handed in over HTTP). It
judges nothing and decodes nothing. ``app.make_app`` builds it, ``serve.run_serve`` runs it on loopback.
"""
