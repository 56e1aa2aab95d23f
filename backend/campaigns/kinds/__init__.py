"""活动种类的设置: one file each, with its settings exactly as the set-up file spells them."""
