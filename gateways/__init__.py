"""Machine to samples: one driver per protocol, supervised, acknowledging only what is durable."""
