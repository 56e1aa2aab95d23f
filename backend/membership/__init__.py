"""会员合并与导入: joining two members, importing."""
