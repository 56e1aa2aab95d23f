"""The local WeChat platform: plays WeChat's servers and a customer's phone.

The product runs unchanged against it (``WECHAT_API_BASE_URL``). It is somebody else's system: it
shares no code with the product and knows it only through HTTP.
"""
