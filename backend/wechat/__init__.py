"""微信. The only package that imports wechatpy."""
