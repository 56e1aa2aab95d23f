"""客户分类: new, ordinary, loyal, by the number of settled bills (S0-04…06). Pure."""

from backend.members.models import CustomerClass


def class_after(consumption_count: int) -> CustomerClass:
    """客户分类 after so many settled bills: 0 新客, 1 普通客, 2 or more 忠诚客."""
    if consumption_count <= 0:
        return CustomerClass.NEW
    return CustomerClass.ORDINARY if consumption_count == 1 else CustomerClass.LOYAL
