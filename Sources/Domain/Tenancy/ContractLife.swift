package import Kernel

/// Who is bound by a contract: the operator (or the partner who resells it), and the tenant.
package enum ContractSide: String, Sendable, Hashable, CaseIterable {
    case provider
    case tenant

    package var other: ContractSide { self == .provider ? .tenant : .provider }
}

/// One side's yes to the exact text of a contract.
package struct ContractSignature: Hashable, Sendable {
    /// Stands before the canonical statement, so that a signature of another kind is never taken for one of this.
    package static let purpose = "countersign contract signature v1\n"

    package let side: ContractSide
    /// Nil on paper: whoever signs there need not be known here.
    package let person: PersonID?
    package let natural: PersonID?
    package let name: String
    package let at: Moment
    /// SHA-256 of the canonical document without its `signed` member, in hexadecimal.
    package let hash: String
    /// Ed25519 over `statement`, and the key that it is checked with, both in Base64; nil on paper.
    package let seal: Seal?

    package struct Seal: Hashable, Sendable {
        package let signature: String
        package let key: String

        package init(signature: String, key: String) {
            self.signature = signature
            self.key = key
        }
    }

    package init(
        side: ContractSide, person: PersonID?, natural: PersonID?, name: String, at: Moment, hash: String, seal: Seal? = nil
    ) {
        self.side = side
        self.person = person
        self.natural = natural
        self.name = name
        self.at = at
        self.hash = hash
        self.seal = seal
    }

    package func sealed(_ seal: Seal) -> ContractSignature {
        ContractSignature(side: side, person: person, natural: natural, name: name, at: at, hash: hash, seal: seal)
    }

    /// What the installation's key signs in its canonical form: who said yes to which text of whose contract, and when.
    package func statement(of contract: String, version: String, tenant: TenantID) -> JSONValue {
        .object([
            "kind": "contract-signature", "tenant": JSONValue(tenant), "contract": .string(contract),
            "version": .string(version), "hash": .string(hash), "side": .string(side.rawValue),
            "person": person.map { JSONValue($0) }, "name": .string(name), "at": JSONValue(at),
        ])
    }

    package var json: JSONValue {
        .object([
            "side": .string(side.rawValue), "person": person.map { JSONValue($0) }, "natural": natural.map { JSONValue($0) },
            "name": .string(name), "at": JSONValue(at), "hash": .string(hash), "how": seal == nil ? "on-paper" : "here",
            "signature": seal.map { .string($0.signature) }, "key": seal.map { .string($0.key) },
        ])
    }

    /// Nil when it is not the form of one.
    package init?(json: JSONValue) {
        guard let side = json["side"]?.string.flatMap({ ContractSide(rawValue: $0) }), let name = json["name"]?.string,
            let at = json["at"]?.string.flatMap({ Moment($0) }), let hash = json["hash"]?.string
        else { return nil }
        var seal: Seal?
        if let signature = json["signature"]?.string, let key = json["key"]?.string {
            seal = Seal(signature: signature, key: key)
        }
        self.init(
            side: side, person: json["person"]?.string.flatMap { PersonID($0) },
            natural: json["natural"]?.string.flatMap { PersonID($0) }, name: name, at: at, hash: hash, seal: seal)
    }
}

/// One version of a contract from the draft to its end. A changed document is another version with a life of its own.
///
/// It says who agreed to what, and asks for periods to be begun and cut; when a version is in force say its periods.
package struct ContractLife: Hashable, Sendable {
    package static let reasonScalarsMax = 1000

    package enum Phase: String, Sendable, CaseIterable {
        case drafted
        case inReview = "in-review"
        /// Both sides have signed; whether it is in force now say its periods.
        case signed
        case rejected
        /// Both sides have agreed to end it.
        case ended
    }

    /// A person of one side, as they act.
    package struct Party: Hashable, Sendable {
        package let side: ContractSide
        package let person: PersonID
        package let natural: PersonID
        package let name: String

        package init(side: ContractSide, person: PersonID, natural: PersonID, name: String) {
            self.side = side
            self.person = person
            self.natural = natural
            self.name = name
        }
    }

    /// A side's wish that the contract end, until the other side agrees.
    package struct Ending: Hashable, Sendable {
        package let at: Moment
        package let side: ContractSide
        package let natural: PersonID
        package let name: String
        package let reason: String
    }

    package enum Event: Sendable {
        case submitted
        case signed(ContractSignature)
        /// Signed outside of the product, as the file that was applied says.
        case signedOnPaper([ContractSignature])
        case rejected(by: Party, reason: String)
        case endAsked(at: Moment, by: Party, reason: String)
    }

    package enum Action: Sendable, Equatable {
        case record(String)
        /// Not before that instant, nor before the contract's own beginning.
        case putInForce(notBefore: Moment)
        case cut(at: Moment)
    }

    package private(set) var phase: Phase
    package private(set) var signatures: [ContractSignature]
    package private(set) var ending: Ending?
    package private(set) var rejection: String
    package let hash: String

    package init(
        hash: String, phase: Phase = .drafted, signatures: [ContractSignature] = [], ending: Ending? = nil, rejection: String = ""
    ) {
        self.hash = hash
        self.phase = phase
        self.signatures = signatures
        self.ending = ending
        self.rejection = rejection
    }

    /// The sides that have not signed, while signatures are awaited.
    package var awaited: [ContractSide] {
        phase == .inReview ? ContractSide.allCases.filter { side in !signatures.contains { $0.side == side } } : []
    }

    package mutating func handle(_ event: Event) throws(Refusal) -> [Action] {
        switch event {
        case .submitted:
            guard phase == .drafted else { throw wrong("handed in for review") }
            phase = .inReview
            return [.record("contract.submitted")]
        case .signed(let signature):
            return try sign(signature)
        case .signedOnPaper(let paper):
            guard phase == .drafted || phase == .inReview else { throw wrong("signed") }
            (phase, signatures) = (.signed, paper)
            return [.record("contract.recorded"), .putInForce(notBefore: paper.map(\.at).max() ?? Moment(seconds: 0))]
        case .rejected(_, let reason):
            guard phase == .inReview else { throw wrong("turned down") }
            (phase, rejection) = (.rejected, try ContractLife.checked(reason))
            return [.record("contract.rejected")]
        case .endAsked(let at, let party, let reason):
            return try end(at: at, party, try ContractLife.checked(reason))
        }
    }

    private mutating func sign(_ signature: ContractSignature) throws(Refusal) -> [Action] {
        guard phase == .inReview else { throw wrong("signed") }
        guard signature.hash == hash else {
            throw Refusal(
                .stale, reason: "contract.hash",
                "This is not the text that was shown. Look at the contract again and sign its hash.", facts: ["hash": hash])
        }
        if let earlier = signatures.first(where: { $0.side == signature.side }) {
            throw Refusal(
                .conflict, reason: "contract.signed", "\(earlier.name) has signed for this side already.",
                facts: ["side": signature.side.rawValue])
        }
        if signatures.contains(where: { $0.natural == signature.natural }) {
            throw Refusal(
                .forbidden, reason: "contract.two-people",
                "You have signed for the other side. Somebody else has to sign for this one.", facts: ["rule": "two-people"])
        }
        signatures.append(signature)
        guard awaited.isEmpty else { return [.record("contract.signed")] }
        phase = .signed
        return [.record("contract.signed"), .putInForce(notBefore: signature.at)]
    }

    private mutating func end(at: Moment, _ party: Party, _ reason: String) throws(Refusal) -> [Action] {
        guard phase == .signed else { throw wrong("ended") }
        guard let asked = ending, asked.side != party.side, asked.at == at else {
            ending = Ending(at: at, side: party.side, natural: party.natural, name: party.name, reason: reason)
            return [.record("contract.end-asked")]
        }
        guard asked.natural != party.natural else {
            throw Refusal(
                .forbidden, reason: "contract.two-people", "You asked for this end. Somebody else has to agree to it.",
                facts: ["rule": "two-people"])
        }
        phase = .ended
        return [.record("contract.ended"), .cut(at: at)]
    }

    private func wrong(_ deed: String) -> Refusal {
        let standing =
            switch phase {
            case .drafted: "is a draft"
            case .inReview: "is in review"
            case .signed: "is signed"
            case .rejected: "was turned down"
            case .ended: "has ended"
            }
        return Refusal(
            .conflict, reason: "contract.phase", "This version \(standing), so it cannot be \(deed).",
            facts: ["phase": phase.rawValue])
    }

    private static func checked(_ reason: String) throws(Refusal) -> String {
        guard !reason.allSatisfy(\.isWhitespace), reason.unicodeScalars.count <= reasonScalarsMax else {
            throw Refusal(
                .invalid, reason: "contract.reason", "Say why, in 1 to \(reasonScalarsMax) characters.",
                facts: ["field": "reason"])
        }
        return reason
    }
}

extension ContractLife {
    package var endingJSON: JSONValue? {
        ending.map {
            [
                "at": JSONValue($0.at), "side": .string($0.side.rawValue), "natural": JSONValue($0.natural),
                "name": .string($0.name), "reason": .string($0.reason),
            ]
        }
    }

    package static func ending(json: JSONValue) -> Ending? {
        guard let at = json["at"]?.string.flatMap({ Moment($0) }),
            let natural = json["natural"]?.string.flatMap({ PersonID($0) }),
            let side = json["side"]?.string.flatMap({ ContractSide(rawValue: $0) }), let name = json["name"]?.string
        else { return nil }
        return Ending(at: at, side: side, natural: natural, name: name, reason: json["reason"]?.string ?? "")
    }
}

/// A stretch in which a version governs; at most one per tenant and workflow at any instant.
package struct ContractPeriod: Hashable, Sendable {
    /// The workflow that it is about; nil for every one that has no contract of its own.
    package let workflow: String?
    /// Inclusive.
    package let from: Moment
    /// Exclusive; nil for open.
    package let to: Moment?

    package init(workflow: String?, from: Moment, to: Moment?) {
        self.workflow = workflow
        self.from = from
        self.to = to
    }

    package func covers(_ moment: Moment) -> Bool { from <= moment && (to.map { moment < $0 } ?? true) }

    /// The first instant from `start` on at which no period governs runs of that workflow; nil when there is none before `end`.
    package static func firstGap(
        in periods: [ContractPeriod], workflow: String, from start: Moment, before end: Moment
    ) -> Moment? {
        let governing = periods.filter { $0.workflow == nil || $0.workflow == workflow }
        var at = start
        while at < end {
            let covering = governing.filter { $0.covers(at) }
            guard !covering.isEmpty else { return at }
            guard let next = covering.compactMap(\.to).max(), covering.allSatisfy({ $0.to != nil }) else { return nil }
            at = next
        }
        return nil
    }
}
