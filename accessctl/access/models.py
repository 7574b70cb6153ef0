"""The only two Casbin models that the loader accepts, word for word (policy.md §2).

A model is program text: one changed operator turns every decision round. The files under `policies/`
are there to be read; a model that differs from these lines is refused.
"""

from __future__ import annotations

CONSOLE_MODEL = """\
[request_definition]
r = sub, home, dom, perm, case
[policy_definition]
p = sub, scope, dom, perm, case, eft
[role_definition]
g = _, _, _
g2 = _, _
g3 = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g2(r.perm, p.perm) && g2(r.case, p.case) && g2(r.dom, p.dom)\
 && (p.scope == "any" || (p.scope == "own" && r.home == r.dom) || (p.scope == "foreign" && r.home != r.dom))\
 && g(r.sub, p.sub, r.home) && g3(r.perm, "perm") && g3(r.case, "case") && g3(r.dom, "office")
"""

DBACCOUNT_MODEL = """\
[request_definition]
r = kind, perm
[policy_definition]
p = kind, perm, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.kind == p.kind && r.perm == p.perm
"""
