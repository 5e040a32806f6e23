import Kernel
import Seals
import Tenancy

@testable import Flow

/// The configuration that the stories run on: a small tenant beside the library assets of this project.
enum SampleConfiguration {
    static let partner = "harbour"

    /// The library workflow and policies, from the JSON twins of their YAML files.
    static func library(_ name: String, from file: String = #filePath) throws -> JSONValue {
        let parts = file.split(separator: "/").dropLast(2)
        return try JSONValue(
            parsing: try FileBytes.read(
                "/" + parts.joined(separator: "/") + "/Fixtures/library/\(name).json", maxBytes: 4_000_000))
    }

    /// What the operator and the partner publish for all tenants.
    static func upper() throws -> [Applying.Asset] {
        var out = [
            Applying.Asset(scope: .operator, kind: "operator", name: "operator", version: "1", content: operatorFile),
            Applying.Asset(scope: .partner(partner), kind: "partner", name: partner, version: "1", content: partnerFile),
            Applying.Asset(scope: .operator, kind: "calendar", name: "every-hour", version: "1", content: calendar),
            Applying.Asset(
                scope: .operator, kind: "connector", name: "scripted", version: "1",
                content: ["kind": "connector", "name": "scripted"]),
            Applying.Asset(
                scope: .operator, kind: "workflow", name: "accounts-payable", version: "1.0",
                content: try library("accounts-payable")),
            Applying.Asset(
                scope: .operator, kind: "workflow", name: "payment-release", version: "1.2",
                content: try library("payment-release")),
        ]
        for name in ["ap-approval", "ap-duty-separation", "ap-payment-release", "ap-route", "ap-tolerances"] {
            out.append(Applying.Asset(scope: .operator, kind: "policy", name: name, version: "1.0", content: try library(name)))
        }
        return out
    }

    /// The same, with engineers on call: Tomas and Saskia in weekly turns, then Bela, then Ines as duty manager.
    static func upperOnCall(
        channels: [JSONValue] = ["console"], adding members: [(String, JSONValue)] = []
    ) throws -> [Applying.Asset] {
        func person(_ id: String, _ name: String) -> JSONValue {
            ["id": .string(id), "name": .string(name), "email": .string("\(id)@northgate.example"), "roles": ["on-call"]]
        }
        return try upper() + [
            Applying.Asset(
                scope: .operator, kind: "people", name: "people", version: "1",
                content: [
                    "kind": "people",
                    "people": [
                        person("tomas", "Tomas Reyl"), person("saskia", "Saskia Brandt"), person("bela", "Bela Kis"),
                        person("ines", "Ines Okafor"),
                    ],
                ]),
            Applying.Asset(
                scope: .operator, kind: "on-call", name: "platform", version: "1",
                content: rota(channels: channels, adding: members)),
        ]
    }

    private static func rota(channels: [JSONValue], adding members: [(String, JSONValue)]) -> JSONValue {
        var rota: JSONObject = [
            "kind": "on-call", "name": "platform", "title": "Platform", "timezone": "Europe/London",
            // The stories begin on Tuesday, the 14th of July 2026, in the first week of the rota.
            "start": "2026-07-13", "handOver": "09:00", "rotation": "weekly", "people": ["tomas", "saskia"],
            "layers": [["title": "Second line", "people": ["bela"]]], "channels": .array(channels),
            "dutyManager": "ines", "escalateAfterMinutes": 15,
        ]
        for (name, value) in members { rota[name] = value }
        return .object(rota)
    }

    private static let operatorFile: JSONValue = [
        "kind": "operator", "slug": "northgate", "name": "Northgate", "legalName": "Northgate Ltd", "locale": "en",
        "timezone": "Europe/London",
        "roles": [
            ["name": "ap-clerk", "title": "Clerk", "level": "tenant", "permissions": ["documents.submit", "runs.read"]],
            [
                "name": "approver", "title": "Approver", "level": "tenant",
                "permissions": ["runs.read", "approvals.read", "approvals.decide"],
            ],
            [
                "name": "treasurer", "title": "Treasurer", "level": "tenant",
                "permissions": ["runs.read", "approvals.read", "approvals.decide", "payments.propose"],
            ],
            [
                "name": "controller", "title": "Controller", "level": "tenant",
                "permissions": ["runs.read", "approvals.read", "approvals.decide"],
            ],
        ],
    ]

    private static let partnerFile: JSONValue = [
        "kind": "partner", "slug": .string(partner), "name": "Harbour", "legalName": "Harbour Ltd", "locale": "en",
        "timezone": "Europe/London",
    ]

    private static let calendar: JSONValue = [
        "kind": "calendar", "name": "every-hour", "version": "1", "title": "Every hour", "timezone": "Europe/London",
        "week": [
            "mon": [["00:00", "24:00"]], "tue": [["00:00", "24:00"]], "wed": [["00:00", "24:00"]], "thu": [["00:00", "24:00"]],
            "fri": [["00:00", "24:00"]], "sat": [["00:00", "24:00"]], "sun": [["00:00", "24:00"]],
        ],
    ]

    /// What one tenant publishes. `approvalTarget` is the promise of the approval cycle, such as `20h`.
    ///
    /// `limits` gives people of the file an approval limit, such as `["jonas": ("4000.00", "EUR")]`; `peopleVersion` tells one
    /// people file from the next.
    static func tenant(
        _ slug: String, approvalTarget: String, settleSeconds: Int, limits: [String: (String, String)] = [:],
        peopleVersion: String = "1", workflow: String = "accounts-payable", without left: Set<String> = [],
        contract terms: ContractTerms = ContractTerms()
    ) -> [Applying.Asset] {
        let scope = Scope.tenant(slug, partner: partner)
        func asset(_ kind: String, _ name: String, _ content: JSONValue) -> Applying.Asset {
            Applying.Asset(scope: scope, kind: kind, name: name, version: "1", content: content)
        }
        return [
            asset("tenant", slug, tenantFile(slug, workflow: workflow)),
            Applying.Asset(
                scope: scope, kind: "people", name: "people", version: peopleVersion,
                content: people(slug, limits: limits, without: left)),
            Applying.Asset(
                scope: scope, kind: "contract", name: "managed-ap", version: terms.version,
                content: terms.isSigned ? signed(contract(approvalTarget, terms)) : contract(approvalTarget, terms)),
            asset("connection", "erp", connection(settleSeconds)),
        ]
    }

    private static func tenantFile(_ slug: String, workflow: String) -> JSONValue {
        [
            "kind": "tenant", "slug": .string(slug), "name": "Brightwater Foods", "partner": .string(partner), "region": "eu",
            "locale": "en",
            "timezone": "Europe/Berlin", "environments": ["prod"],
            "entities": [
                ["code": "DE01", "name": "Brightwater Foods GmbH", "vatId": "DE742039156", "currency": "EUR", "country": "DE"]
            ],
            "workflows": ["invoice": .string(workflow)], "workers": ["requiredLevel": "L0"], "retention": ["documentsYears": 10],
        ]
    }

    private static func people(
        _ slug: String, limits: [String: (String, String)], without left: Set<String>
    ) -> JSONValue {
        func person(_ id: String, _ name: String, _ roles: [JSONValue]) -> JSONValue {
            .object([
                "id": .string(id), "name": .string(name), "email": .string("\(id)@\(slug).example"), "roles": .array(roles),
                "approvalLimit": limits[id].map { ["amount": .string($0.0), "currency": .string($0.1)] },
            ])
        }
        let people = [
            person("maya", "Maya Lund", ["ap-clerk", "approver"]), person("jonas", "Jonas Weber", ["approver"]),
            person("petra", "Petra Vogel", ["approver"]), person("ruth", "Ruth Adler", ["controller", "ap-clerk"]),
            person("tessa", "Tessa Brook", ["treasurer"]), person("theo", "Theo Lang", ["treasurer"]),
        ]
        return ["kind": "people", "people": .array(people.filter { !left.contains($0["id"]?.string ?? "") })]
    }

    /// What a story's contract says besides its target.
    struct ContractTerms: Sendable {
        var version = "1"
        var calendar = "every-hour"
        /// Signed on paper by both sides, so that it governs once it is applied.
        var isSigned = true
        var reopen = "resume"
        var noticeSeconds = 3600
        /// The share of approvals that has to be in time, such as `0.98`; nil for every one.
        var atLeast: String?
        /// What a month earns back whose share of approvals in time is under a bound.
        var tiers: [JSONValue] = []
        /// The fee of a month and what limits a credit of it.
        var credits: JSONValue?
        /// Announced, start, end.
        var maintenance: [(String, String, String)] = []
        /// Promises beside those of approvals and postings.
        var promises: [JSONValue] = []
    }

    /// The text with both sides' signatures on paper over it.
    static func signed(_ text: JSONValue) -> JSONValue {
        var object = text.object ?? [:]
        object["signed"] = [
            "hash": .string((try? ObjectHash.hexText(of: text)) ?? ""),  // texts always have a canonical form
            "provider": ["name": "Ines Okafor", "at": "2025-12-01T10:00:00Z"],
            "tenant": ["name": "Ruth Adler", "at": "2025-12-02T10:00:00Z"],
        ]
        return .object(object)
    }

    private static func contract(_ approvalTarget: String, _ terms: ContractTerms) -> JSONValue {
        .object([
            "kind": "contract", "name": "managed-ap", "version": .string(terms.version), "title": "Managed accounts payable",
            "credits": terms.credits,
            "maintenance": .array(
                terms.maintenance.map {
                    [
                        "title": "Maintenance", "announcedAt": .string($0.0), "start": .string($0.1), "end": .string($0.2),
                    ]
                }),
            "calendar": .string(terms.calendar),
            "reporting": ["recipients": ["controller@firm.example"], "exclusions": ["customer"], "timezone": "UTC"],
            "effectiveFrom": "2026-01-01T00:00:00+01:00",
            "objectives": .array(
                [
                    .object([
                        "name": "approval-cycle", "title": "Approval cycle", "target": .string(approvalTarget),
                        "warnPercents": [50, 90],
                        "pauseReasons": [], "reopen": .string(terms.reopen),
                        "maintenance": ["noticeSeconds": JSONValue(terms.noticeSeconds)],
                        "budget": terms.atLeast.map { ["atLeast": .string($0), "quietBelowCases": 5] },
                        "credits": terms.tiers.isEmpty ? JSONValue?.none : .array(terms.tiers),
                    ]),
                    ["name": "posting", "title": "Posting", "target": "200h", "warnPercents": [80], "pauseReasons": []],
                ] + terms.promises),
        ])
    }

    private static func connection(_ settleSeconds: Int) -> JSONValue {
        [
            "kind": "connection", "name": "erp", "title": "Ledger", "connector": "scripted", "baseUrl": "https://ledger.example",
            "secrets": ["token": "erp-token"], "limits": ["ratePerSecond": 50, "concurrency": 8],
            "settleSeconds": JSONValue(settleSeconds),
        ]
    }
}

/// An invoice as the scripted reader finds it in a document: the document's bytes are this answer.
struct SampleDocument: Sendable {
    var number = "R-1"
    var gross = "952.00"
    var order: String? = "PO-952.00"
    var supplier = "Elbe Papier GmbH"
    var supplierVAT = "DE136695976"
    var buyer = "Brightwater Foods GmbH"
    var buyerVAT: String?
    /// Makes two documents differ that say the same.
    var remark = ""

    var bytes: [UInt8] { (["kind": "ubl-invoice", "invoice": invoice, "findings": []] as JSONValue).bytes }

    private var invoice: JSONValue {
        let amount: JSONValue = ["amount": .string(gross), "currency": "EUR"]
        return .object([
            "kind": "invoice", "direction": "payable", "number": .string(number), "issueDate": "2026-07-01",
            "dueDate": "2026-07-31",
            "currency": "EUR",
            "orderRef": order.map(JSONValue.string), "notes": remark.isEmpty ? nil : [.string(remark)],
            "seller": ["legalName": .string(supplier), "vatId": .string(supplierVAT), "address": ["country": "DE"]],
            "buyer": .object([
                "legalName": .string(buyer), "vatId": buyerVAT.map(JSONValue.string), "address": ["country": "DE"],
            ]),
            "totals": [
                "lineNet": amount, "taxExclusive": amount, "tax": ["amount": "0.00", "currency": "EUR"], "taxInclusive": amount,
                "payable": amount,
            ],
            "paymentInstructions": [
                ["meansCode": "58", "account": ["id": ["scheme": "iban", "value": "DE89370400440532013000"]]]
            ],
            "lines": [
                [
                    "id": "1", "quantity": ["value": "1", "unit": "C62"], "netAmount": amount, "unitPrice": amount,
                    "name": "Paper",
                    "orderLineRef": "10",
                ]
            ],
        ])
    }
}
