"""The incident desk. Evidence of all scenes enters, steps of incidents leave: one happening, one incident, many eyes.

``association`` says which incident a statement belongs to (``neighbours`` which ones to ask), ``fusion`` how sure the
witnesses make us, the scene's policy what they mean, ``routing`` who is told, ``incident`` what is kept and shown,
``desk`` when a step is due. Pure: time is an argument.
"""

from __future__ import annotations

from brain.desk.desk import Desk, Judge

__all__ = ["Desk", "Judge"]
