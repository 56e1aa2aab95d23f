"""账户与流水: figures of a member that only a ledger's entries move."""
