// Answers a matrix of questions with node-casbin on the policy files as node-casbin itself reads them.
//
// Standard input: {folder, offices, officers: [{name, roles, homes}], positions: [[home, office]], permissions, cases,
// hostile: [[officer, home, office, permission, case]], accounts: {kinds, permissions}}.
// Standard output: {version, answers: {officer: "0101…"}, hostile: "00…", accounts: "10…", whole: n} with one digit for
// each question in the order permission, position, case. While one permission is asked about, lines of which casbin's own
// g2 says that they do not speak of it are left out; `whole` questions were asked with every line as well, and agreed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { newEnforcer } from "casbin";

const asked = JSON.parse(readFileSync(0, "utf8"));
const file = (name) => join(asked.folder, name);
const digit = (allowed) => (allowed ? "1" : "0");

const enforcer = await newEnforcer(file("console.model.conf"), file("console.policy.csv"));
await enforcer.addNamedGroupingPolicies("g2", asked.offices.map((office) => [office, "any-office"]));
await enforcer.addNamedGroupingPolicies("g3", asked.offices.map((office) => [office, "office"]));
await enforcer.addNamedGroupingPolicies("g", asked.officers.flatMap(({ name, roles, homes }) =>
  [...roles, "officer"].flatMap((role) => homes.map((home) => [name, role, home]))));

const kept = enforcer.getModel().model.get("p").get("p");
const every = kept.policy;
const classes = enforcer.getNamedRoleManager("g2");

async function linesAbout(permission) {
  const near = [];
  for (const line of every) {
    if (await classes.hasLink(permission, line[3])) near.push(line);
  }
  if (near.length === 0 || near.length === every.length) throw new Error(`lines about ${permission}: ${near.length}`);
  return near;
}

const answers = Object.fromEntries(asked.officers.map(({ name }) => [name, ""]));
let turn = 0;
let whole = 0;
for (const permission of asked.permissions) {
  const near = await linesAbout(permission);
  for (const [home, office] of asked.positions) {
    for (const reason of asked.cases) {
      for (const { name } of asked.officers) {
        kept.policy = near;
        const allowed = enforcer.enforceSync(name, home, office, permission, reason);
        answers[name] += digit(allowed);
        turn += 1;
        if (turn % asked.wholeEvery === 0) {
          kept.policy = every;
          if (enforcer.enforceSync(name, home, office, permission, reason) !== allowed) {
            throw new Error(`other lines matter: ${[name, home, office, permission, reason]}`);
          }
          whole += 1;
        }
      }
    }
  }
}
kept.policy = every;
const hostile = asked.hostile.map((words) => digit(enforcer.enforceSync(...words))).join("");

const databases = await newEnforcer(file("dbaccount.model.conf"), file("dbaccount.policy.csv"));
const accounts = asked.accounts.kinds.map((kind) =>
  asked.accounts.permissions.map((permission) => digit(databases.enforceSync(kind, permission))).join("")).join("");

const version = createRequire(import.meta.url)("casbin/package.json").version;
process.stdout.write(JSON.stringify({ version, answers, hostile, accounts, whole }));
