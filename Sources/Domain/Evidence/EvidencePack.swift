package import Kernel

/// What one column of an evidence list holds.
package struct EvidenceColumn: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable { case text, integer, instant, flag, json }

    package let name: String
    package let kind: Kind

    package init(_ name: String, _ kind: Kind = .text) {
        self.name = name
        self.kind = kind
    }

    package var json: JSONValue { ["name": .string(name), "type": .string(kind.rawValue)] }
}

/// One complete list within a pack: the population that an auditor samples from.
package struct EvidenceList: Sendable, Equatable {
    /// Names the files: `people.ndjson`.
    package let name: String
    package let title: String
    package let columns: [EvidenceColumn]

    package init(_ name: String, _ title: String, _ columns: [EvidenceColumn]) {
        self.name = name
        self.title = title
        self.columns = columns
    }
}

/// One of the packs that an auditor asks for: which question it answers, over what time, from which lists, and what of it this
/// installation has no source for.
///
/// A list that is empty means that there was nothing. What nobody keeps is never such a list but a sentence in `missing`.
package struct EvidencePack: Sendable, Equatable {
    package enum Time: String, Sendable {
        /// How things stood at one instant.
        case instant
        /// What happened from one instant until another.
        case period
    }

    package let number: Int
    package let name: String
    package let title: String
    /// What an auditor wants to know.
    package let question: String
    package let time: Time
    /// Permissions that whoever asks for it needs besides the one for evidence: those to whom its rows are open anyway.
    package let needs: [String]
    package let lists: [EvidenceList]
    /// What belongs into it and is not kept here, a sentence each.
    package let missing: [String]

    init(
        _ number: Int, _ name: String, _ title: String, question: String, time: Time, needs: [String], lists: [EvidenceList],
        missing: [String] = []
    ) {
        self.number = number
        self.name = name
        self.title = title
        self.question = question
        self.time = time
        self.needs = needs
        self.lists = lists
        self.missing = missing
    }

    /// By its number or its name.
    package static func named(_ text: String) -> EvidencePack? {
        all.first { sameBytes($0.name, text) || sameBytes("\($0.number)", text) }
    }

    package func list(_ name: String) -> EvidenceList? { lists.first { sameBytes($0.name, name) } }

    package var json: JSONValue {
        [
            "number": JSONValue(number), "name": .string(name), "title": .string(title), "question": .string(question),
            "time": .string(time.rawValue), "needs": .array(needs.map(JSONValue.string)),
            "lists": .array(
                lists.map {
                    [
                        "name": .string($0.name), "title": .string($0.title), "columns": .array($0.columns.map(\.json)),
                    ]
                }), "missing": .array(missing.map(JSONValue.string)),
        ]
    }
}

/// The bounds of packs.
package enum EvidenceBounds {
    /// Rows of one pack; a longer period is asked for in parts.
    package static let rowsMax: Int64 = 5_000_000
    /// Rows of a list that is read at once because nothing orders it by time: people, keys, totals.
    package static let wholeRowsMax = 20_000
    package static let periodDaysMax: Int64 = 400
    /// Packs of one tenant that are being read at one time.
    package static let buildingMax = 5
    /// Tries until a pack is given up.
    package static let attemptsMax: Int32 = 3
    /// Rows are kept for so long; the signed manifest stays.
    package static let keptDays: Int64 = 90
    package static let lineBytesMax = 1_048_576
}

extension EvidencePack {
    package static let all: [EvidencePack] = people + work + service

    private static let entry: [EvidenceColumn] = [
        EvidenceColumn("entry"), EvidenceColumn("at", .instant), EvidenceColumn("actorKind"), EvidenceColumn("actor"),
        EvidenceColumn("actorName"), EvidenceColumn("onBehalfOf"), EvidenceColumn("action"), EvidenceColumn("objectType"),
        EvidenceColumn("object"), EvidenceColumn("run"), EvidenceColumn("facts", .json),
    ]

    private static let people: [EvidencePack] = [
        EvidencePack(
            1, "people", "People and roles at a date", question: "Who could do what on that day?", time: .instant,
            needs: ["people.read"],
            lists: [
                EvidenceList(
                    "people", "Everybody whom the people file in force then names, with roles and approval limit",
                    [
                        EvidenceColumn("person"), EvidenceColumn("name"), EvidenceColumn("email"), EvidenceColumn("title"),
                        EvidenceColumn("roles", .json), EvidenceColumn("approvalLimit", .json), EvidenceColumn("file"),
                        EvidenceColumn("fileVersion"), EvidenceColumn("inForceSince", .instant),
                        EvidenceColumn("firstNamedAt", .instant), EvidenceColumn("stateNow"),
                    ])
            ],
            missing: ["What each role allows stands in the operator's own file, not in this tenant's rows."]),
        EvidencePack(
            2, "movers", "New, changed and former users", question: "Who came, changed or left, when, and by whose hand?",
            time: .period, needs: ["people.read"],
            lists: [
                EvidenceList(
                    "changes", "What each version of the people file published in that time changed, person by person",
                    [
                        EvidenceColumn("at", .instant), EvidenceColumn("change"), EvidenceColumn("person"),
                        EvidenceColumn("name"), EvidenceColumn("rolesBefore", .json), EvidenceColumn("rolesAfter", .json),
                        EvidenceColumn("file"), EvidenceColumn("fileVersion"), EvidenceColumn("publishedBy"),
                    ]),
                EvidenceList("access", "Sign-in links, passwords, second factors and keys given, renewed and taken", entry),
            ],
            missing: [
                "Request and approval of a change of people are made where the people file is kept; only who applied it is known."
            ]),
        EvidencePack(
            3, "privileged", "Privileged access", question: "What did the powerful do, and who came from outside?",
            time: .period, needs: ["audit.read"],
            lists: [
                EvidenceList("acts", "Acts on configuration, secrets, people, holds, stops and corrected clocks", entry),
                EvidenceList(
                    "outsiders", "Acts of persons who are not of this scope: the operator's and partners' people", entry),
            ],
            missing: [
                "Break-glass access: nobody can take a right here that no file grants, so there is none to list.",
                "Reviews of privileged use: no record of them is kept.",
            ]),
        EvidencePack(
            4, "access-reviews", "Periodic access reviews", question: "Who reviewed whose rights, and what followed?",
            time: .period, needs: ["people.read"], lists: [],
            missing: ["Access reviews: no record of them is kept. Packs 1 and 2 are what a reviewer works with."]),
        EvidencePack(
            5, "duties", "Separation of duties", question: "Which rules kept duties apart, and where were they asked?",
            time: .period, needs: ["audit.read"],
            lists: [
                EvidenceList(
                    "rulesets", "Versions of the rules that decisions of that time were held to",
                    [
                        EvidenceColumn("ruleset"), EvidenceColumn("decisions", .integer), EvidenceColumn("first", .instant),
                        EvidenceColumn("last", .instant),
                    ]), EvidenceList("asked", "Decisions for which rules about duties were asked", entry),
            ],
            missing: [
                "Refused attempts: they are answered with the rule's name and not kept as entries.",
                "Mitigations: no record of them is kept.",
            ]),
        EvidencePack(
            6, "changes", "Changes of configuration", question: "Who changed what, and who agreed?", time: .period,
            needs: ["configuration.read"],
            lists: [
                EvidenceList(
                    "versions", "Every version published in that time",
                    [
                        EvidenceColumn("at", .instant), EvidenceColumn("kind"), EvidenceColumn("name"), EvidenceColumn("version"),
                        EvidenceColumn("sha256"), EvidenceColumn("publishedBy"), EvidenceColumn("isCurrent", .flag),
                    ]), EvidenceList("applied", "Acts by which versions came into force, were restored or retired", entry),
                EvidenceList(
                    "contracts", "Contracts drafted in that time, with both sides' signatures",
                    [
                        EvidenceColumn("at", .instant), EvidenceColumn("name"), EvidenceColumn("version"),
                        EvidenceColumn("sha256"), EvidenceColumn("phase"), EvidenceColumn("draftedBy"),
                        EvidenceColumn("submittedBy"), EvidenceColumn("submittedAt", .instant),
                        EvidenceColumn("signatures", .json), EvidenceColumn("rejection"),
                    ]),
            ],
            missing: ["Tests of a change: `countersign check` runs where the files are kept, and its results stay there."]),
    ]

    private static let work: [EvidencePack] = [
        EvidencePack(
            7, "in-force", "Versions in force per transaction", question: "By which workflow and policies was each one decided?",
            time: .period, needs: ["runs.read"],
            lists: [
                EvidenceList(
                    "transactions", "Every run that began in that time, with the versions pinned to it",
                    [
                        EvidenceColumn("run"), EvidenceColumn("subject"), EvidenceColumn("counterparty"),
                        EvidenceColumn("amountMinorUnits"), EvidenceColumn("currency"), EvidenceColumn("workflow"),
                        EvidenceColumn("workflowVersion"), EvidenceColumn("pinned", .json), EvidenceColumn("phase"),
                        EvidenceColumn("outcome"), EvidenceColumn("startedAt", .instant), EvidenceColumn("finishedAt", .instant),
                    ])
            ]),
        EvidencePack(
            8, "approvals", "Approvals", question: "Who signed what, in which role, held to which limit?", time: .period,
            needs: ["runs.read"],
            lists: [
                EvidenceList(
                    "signatures", "Every signature, rejection and answer of a person",
                    [
                        EvidenceColumn("entry"), EvidenceColumn("at", .instant), EvidenceColumn("run"), EvidenceColumn("action"),
                        EvidenceColumn("person"), EvidenceColumn("name"), EvidenceColumn("onBehalfOf"), EvidenceColumn("role"),
                        EvidenceColumn("verdict"), EvidenceColumn("reason"), EvidenceColumn("title"),
                        EvidenceColumn("amountMinorUnits"), EvidenceColumn("currency"), EvidenceColumn("objectHash"),
                        EvidenceColumn("dutyPolicy"), EvidenceColumn("dutyRules", .json), EvidenceColumn("receiptHash"),
                        EvidenceColumn("delegation"), EvidenceColumn("limitNow", .json),
                    ]),
                EvidenceList(
                    "delegations", "Every delegation that held in that time, whoever used it",
                    [
                        EvidenceColumn("delegation"), EvidenceColumn("at", .instant), EvidenceColumn("giver"),
                        EvidenceColumn("giverName"), EvidenceColumn("deputy"), EvidenceColumn("deputyName"),
                        EvidenceColumn("startsAt", .instant), EvidenceColumn("endsAt", .instant),
                        EvidenceColumn("workflows", .json), EvidenceColumn("capMinorUnits"), EvidenceColumn("capCurrency"),
                        EvidenceColumn("reason"), EvidenceColumn("madeBy"), EvidenceColumn("revokedAt", .instant),
                        EvidenceColumn("revokedBy"),
                    ]),
            ],
            missing: [
                "Limits as of each signature: pack 1 of that day has them; `limitNow` is the one in force when this was read."
            ]),
        EvidencePack(
            9, "interfaces", "Failures of jobs and interfaces",
            question: "Did everything that came in come out, and what failed?",
            time: .period, needs: ["runs.read"],
            lists: [
                EvidenceList(
                    "failures", "Work that gave up, or ended with an error",
                    [
                        EvidenceColumn("task"), EvidenceColumn("at", .instant), EvidenceColumn("kind"),
                        EvidenceColumn("connection"), EvidenceColumn("state"), EvidenceColumn("outcome"),
                        EvidenceColumn("attempts", .integer), EvidenceColumn("error"), EvidenceColumn("run"),
                        EvidenceColumn("endedAt", .instant),
                    ]),
                EvidenceList(
                    "documents", "Documents received in that time, counted by channel and state",
                    [
                        EvidenceColumn("channel"), EvidenceColumn("state"), EvidenceColumn("documents", .integer),
                        EvidenceColumn("withRun", .integer),
                    ]),
                EvidenceList(
                    "runs", "Runs that began in that time, counted and summed by how they stand",
                    [
                        EvidenceColumn("workflow"), EvidenceColumn("phase"), EvidenceColumn("outcome"),
                        EvidenceColumn("currency"), EvidenceColumn("runs", .integer), EvidenceColumn("sumMinorUnits"),
                    ]),
            ],
            missing: ["Totals of the other side: an ERP's own books are read posting by posting, and not summed here."]),
    ]

    private static let service: [EvidencePack] = [
        EvidencePack(
            10, "incidents", "Incidents and service levels",
            question: "What went wrong, how soon was it answered, what was missed?",
            time: .period, needs: ["incidents.read", "service.read"],
            lists: [
                EvidenceList(
                    "incidents", "Incidents opened in that time",
                    [
                        EvidenceColumn("number", .integer), EvidenceColumn("alert"), EvidenceColumn("severity"),
                        EvidenceColumn("state"), EvidenceColumn("occurrences", .integer), EvidenceColumn("openedAt", .instant),
                        EvidenceColumn("acknowledgedAt", .instant), EvidenceColumn("acknowledgedBy"),
                        EvidenceColumn("resolvedAt", .instant), EvidenceColumn("resolvedBy"),
                    ]),
                EvidenceList(
                    "clocks", "Clocks started in that time, each with its target and what came of it",
                    [
                        EvidenceColumn("clock"), EvidenceColumn("run"), EvidenceColumn("objective"),
                        EvidenceColumn("contractVersion"), EvidenceColumn("targetSeconds", .integer),
                        EvidenceColumn("elapsedSeconds", .integer), EvidenceColumn("outcome"),
                        EvidenceColumn("startedAt", .instant), EvidenceColumn("dueAt", .instant),
                        EvidenceColumn("breachedAt", .instant), EvidenceColumn("stoppedAt", .instant),
                    ]),
                EvidenceList(
                    "corrections", "Corrections of clocks asked for in that time, with both persons",
                    [
                        EvidenceColumn("at", .instant), EvidenceColumn("clock"), EvidenceColumn("state"),
                        EvidenceColumn("reason"), EvidenceColumn("askedBy"), EvidenceColumn("settledBy"),
                        EvidenceColumn("settledAt", .instant),
                    ]),
            ]),
        EvidencePack(
            11, "restores", "Backups and restore tests", question: "Would the data come back?", time: .period,
            needs: ["audit.read"], lists: [],
            missing: ["Backups and trial restores: the database's own administration makes them, and no record is kept here."]),
        EvidencePack(
            12, "keys", "Keys, secrets and their renewal", question: "Which secrets are in use, how old, and when renewed?",
            time: .period, needs: ["people.read", "connections.read"],
            lists: [
                EvidenceList(
                    "machine-keys", "Every key of a machine, as it stands now",
                    [
                        EvidenceColumn("key"), EvidenceColumn("name"), EvidenceColumn("person"), EvidenceColumn("environment"),
                        EvidenceColumn("roles", .json), EvidenceColumn("madeAt", .instant), EvidenceColumn("expiresAt", .instant),
                        EvidenceColumn("usedAt", .instant), EvidenceColumn("revokedAt", .instant),
                    ]),
                EvidenceList(
                    "connection-secrets", "Every secret of a connection, as it stands now; never its value",
                    [
                        EvidenceColumn("name"), EvidenceColumn("version", .integer), EvidenceColumn("fingerprint"),
                        EvidenceColumn("setAt", .instant),
                    ]),
                EvidenceList("renewals", "Acts by which secrets and keys were set, renewed and revoked in that time", entry),
            ],
            missing: [
                "Vendors and subprocessors: no register of them is kept.",
                "Root and signing keys of the installation are renewed on the server, by `countersignd`, and have no entries.",
            ]),
        EvidencePack(
            13, "log-integrity", "Integrity of the audit log", question: "Is the log whole, and what vouches for it?",
            time: .period, needs: ["audit.read"],
            lists: [
                EvidenceList(
                    "verification",
                    "Every sealed entry compared with its leaf when this was read; one line of the whole, then faults",
                    [
                        EvidenceColumn("place", .integer), EvidenceColumn("entries", .integer), EvidenceColumn("finding"),
                    ]),
                EvidenceList(
                    "checkpoints", "Signed checkpoints of that time",
                    [
                        EvidenceColumn("entries", .integer), EvidenceColumn("root"), EvidenceColumn("at", .instant),
                        EvidenceColumn("publishedAt", .instant),
                    ]),
            ]),
        EvidencePack(
            14, "assistance", "Use of machine suggestions", question: "What did a model suggest, and what did people decide?",
            time: .period, needs: ["runs.read"], lists: [],
            missing: ["Suggestions of models: this installation makes none, so that every decision is a rule's or a person's."]),
    ]
}
