"""What a Redis or Valkey server tells an operator: itself, its keys by family, its slow commands.

Everything here only looks, needs neither CONFIG nor KEYS, and does an amount of work that does not
grow with the number of keys.
"""
