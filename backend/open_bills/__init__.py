"""扫码付: a table's open bill, seen and paid on the guest's phone, settled by the till."""
