"""Task modules: what happens to a webhook after it is kept. One module per area.

To add a topic:
1. A row in ``avnu/shopify/topics.py``: topic, area, handler. Say ``whole`` with ``resource`` only
   if the payload is the whole resource with its ``updated_at``; say ``destructive`` for a delete.
2. A struct in ``avnu/shopify/payloads/<area>.py`` with the fields you use, and no others.
3. A function of the handler's name in ``tasks/<area>.py``, under ``@area.handler``: a ``Told`` of
   each webhook, given to ``changed`` or ``deleted`` with the ``Followed``; ``avnu/following`` says
   how to add one of those. It runs at least once, maybe late or beside another run: whatever else
   it does must bear that. What is raised for trouble makes the shop wait: let it pass.
4. A small body in ``tests/fixtures/payloads/``; the tests of payloads and topics find it there.
To add a task module: its name in ``AREAS`` of ``topics.py`` (queue and wake-ups follow from it),
and ``tasks/<area>.py`` with ``area = Area("<area>")``; then add its topics as above.
"""
