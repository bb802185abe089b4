"""Whether every shop's webhooks still come: what is subscribed, and what has fallen silent.

``wanted``: which topics there should be, from the routing table. ``findings``: what an audit found,
decided from lists alone. ``audit``: one shop after another, a few at a time. ``habits``: how often
a shop sends each topic, noted by the workers.

Two ways to subscribe (SHOPIFY_SUBSCRIPTIONS). ``app``: deploy/shopify.app.toml declares them for
all shops; Shopify keeps those, and lists them for no shop, so an audit can only report what is
silent, and subscriptions that were once made in a shop beside them: their webhooks come twice.
``shop``: each shop has its own, which Shopify removes when deliveries fail for hours; audits make
the missing ones anew. The three privacy topics are the app's in both.
"""
