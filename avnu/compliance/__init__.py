"""What customers and merchants ask for by privacy law, and the proof that it was done.

``compliance`` is the door: a handler notes a request in the ``ledger``, then has it carried out,
and the ledger keeps what was done, in numbers. ``person`` says which webhooks speak of a customer
and what is left of them; ``exporting`` tells all that is kept about one, into a file of
``exports``; ``upkeep`` looks at deadlines and old exports. Any step may be cut short and done
again, and ends once.

The ledger names nobody: a customer is an HMAC of their id, e-mail or phone
(``avnu/store/subjects.py``). That a redacted customer does not come back is checked by every write
of an order (``avnu/store/market/redacted.py``).

To add a place in which Avnu keeps something of customers: take it out in
``Compliance.customer_redacted``, tell it in ``exporting``, and search it in
``tests/integration/test_erasure.py``.
"""
