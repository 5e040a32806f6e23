package import Kernel

/// What one kind of policy answers, before name and version are put to it.
struct PolicyAnswer {
    let outcome: JSONValue
    let rulesFired: [PolicyDecision.Rule]
    let inputsUsed: JSONValue
    /// Members of `inputsUsed` that belong to a person.
    var personal: [String] = []
}

/// What a policy decided, and why.
package struct PolicyDecision: Sendable, Equatable {
    package struct Rule: Sendable, Equatable {
        package let id: String
        package let label: String

        package init(id: String, label: String) {
            self.id = id
            self.label = label
        }
    }

    package let policy: String
    package let version: String
    package let outcome: JSONValue
    package let rulesFired: [Rule]
    package let inputsUsed: JSONValue
    /// Members of `inputsUsed` that belong to a person: records keep their fingerprint.
    package let personal: [String]

    package init(
        policy: String, version: String, outcome: JSONValue, rulesFired: [Rule], inputsUsed: JSONValue, personal: [String] = []
    ) {
        self.personal = personal
        self.policy = policy
        self.version = version
        self.outcome = outcome
        self.rulesFired = rulesFired
        self.inputsUsed = inputsUsed
    }

    package var json: JSONValue {
        [
            "policy": .string(policy), "version": .string(version), "outcome": outcome,
            "rules": .array(rulesFired.map { ["id": .string($0.id), "label": .string($0.label)] }), "inputs": inputsUsed,
        ]
    }

    /// The decision as records keep it: what belongs to a person is a fingerprint, from which the value cannot be read off.
    ///
    /// `salt` differs from run to run, so that the same person in two runs cannot be told by equal fingerprints.
    package func recorded(salt: String, hash: (JSONValue) -> String) -> JSONValue {
        guard !personal.isEmpty, case .object(var members) = json, case .object(var inputs) = inputsUsed else { return json }
        for name in personal {
            if let value = inputs[name] {
                inputs[name] = ["fingerprint": .string(hash(["salt": .string(salt), "value": value]))]
            }
        }
        members["inputs"] = .object(inputs)
        return .object(members)
    }

    /// The recorded decision with the hash of itself, for the audit log. `hash` answers the hexadecimal SHA-256 of the canonical
    /// form, so that anyone who holds the receipt can compute it again.
    package func receipt(salt: String = "", hash: (JSONValue) -> String) -> JSONValue {
        let recorded = recorded(salt: salt, hash: hash)
        guard case .object(var members) = recorded else { return recorded }
        members["hash"] = .string(hash(recorded))
        return .object(members)
    }
}
