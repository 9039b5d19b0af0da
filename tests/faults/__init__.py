"""The faults that a gateway must survive, end to end: real processes, real servers, a ledger of its own."""
