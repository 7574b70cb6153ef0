"""A decision in words, Vietnamese or English, for the command line and the error page (policy.md §3)."""

from __future__ import annotations

from accessctl.access.loader import PolicySet, Rule
from accessctl.access.table import Decision
from accessctl.domain.permissions import Case, CaseClass, OfficeClass, Permission, Scope

_WORDS = {
    "allowed": ("Được phép", "Allowed"),
    "no_rule": (
        "Không được phép: chính sách không giao quyền này cho ông/bà",
        "Not allowed: no rule gives this right",
    ),
    "denied_by_rule": ("Không được phép: chính sách cấm", "Not allowed: a guard forbids it"),
    "unknown_word": ("Không được phép: yêu cầu có từ không có trong chính sách", "Not allowed: unknown word"),
    "policy_broken": (
        "Không được phép: chính sách phân quyền không dùng được, mọi yêu cầu bị từ chối",
        "Not allowed: the access policy cannot be used, everything is denied",
    ),
    "not_authenticated": ("Không được phép: chưa đăng nhập", "Not allowed: nobody is signed in"),
}


def sentence(decision: Decision, language: str = "vi") -> str:
    """The answer and its reason in one sentence, with the deciding line where there is one."""
    words = _WORDS[decision.reason][0 if language == "vi" else 1]
    return f"{words} ({decision.detail})."


def label(policy: PolicySet, table: str, word: str, language: str = "vi") -> str:
    """What a word is called on screen; `table` is roles, permissions, cases or scopes."""
    found = policy.labels.get(f"{table}.{word}")
    if found is None:
        return word
    return found.vi if language == "vi" else found.en


def holders(policy: PolicySet, permission: str, language: str = "vi") -> tuple[str, ...]:
    """Who would have a permission, in words: "Bộ phận Cấp sổ, thẻ (đơn vị khác)", in the policy's order."""
    found = {
        " ".join(
            (label(policy, "roles", rule.sub, language), f"({label(policy, 'scopes', rule.scope, language)})")
        ): None
        for rule in policy.rules
        if rule.perm == permission and rule.eft == "allow"
    }
    return tuple(found)


def rule_in_words(policy: PolicySet, rule: Rule, language: str = "vi") -> str:
    """A line as a person would say it: who, may or never, what, where, in which cases."""
    vi = language == "vi"
    who, what = label(policy, "roles", rule.sub, language), _what(policy, rule, language)
    where, when = _where(policy, rule, language), _when(policy, rule, language)
    if rule.eft == "allow":
        return f"{who} được {what} {where}, {when}." if vi else f"{who} may {what} {where}, {when}."
    return (
        f"{who} không bao giờ được {what} {where}, {when}." if vi else f"{who}: never {what} {where}, {when}."
    )


def _what(policy: PolicySet, rule: Rule, language: str) -> str:
    if rule.perm in tuple(Permission):
        return f"“{label(policy, 'permissions', rule.perm, language)}”"
    return label(policy, "classes", rule.perm, language)


def _where(policy: PolicySet, rule: Rule, language: str) -> str:
    at_ = "ở" if language == "vi" else "at"
    scope = label(policy, "scopes", rule.scope, language)
    if rule.dom != OfficeClass.HEAD:
        return f"{at_} {scope}"
    head, joined = label(policy, "groups", rule.dom, language), ("là" if language == "vi" else "if it is")
    return f"{at_} {head}" if rule.scope == Scope.ANY else f"{at_} {scope} ({joined} {head})"


def _when(policy: PolicySet, rule: Rule, language: str) -> str:
    vi = language == "vi"
    if rule.case in tuple(Case):
        words = f"“{label(policy, 'cases', rule.case, language)}”"
        return f"trong trường hợp {words}" if vi else f"in the case {words}"
    words = label(policy, "groups", rule.case, language)
    if rule.case == CaseClass.NOT_SELF:
        return words
    return f"trong {words}" if vi else f"in {words}"
