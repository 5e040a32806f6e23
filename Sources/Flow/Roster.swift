package import Kernel
internal import Records
internal import Tenancy
internal import Workflows

/// The people who may act in a tenant, with how far their signatures reach: its own, and visitors from above.
package struct Roster: Sendable {
    package struct Member: Sendable {
        package let person: PersonID
        package let natural: PersonID
        package let name: String
        package let limit: Money?
        let authority: Authority
    }

    package let members: [Member]
    private let node: Scope

    /// Takes whoever is active and holds a role at exactly this tenant. Somebody whose row cannot be read is left out.
    init(_ rows: [PersonRow], node: Scope, roles: [Role]) {
        self.node = node
        members = rows.compactMap { row in
            guard row.state == "active" else { return nil }
            do throws(Refusal) {
                let grants = try (row.roles["grants"]?.array ?? []).map { json throws(Refusal) in try Grant(json: json) }
                guard grants.contains(where: { $0.scope == node }) else { return nil }
                return Member(
                    person: row.id, natural: row.natural, name: row.name,
                    limit: try ApprovalLimit.read(row.roles["approvalLimit"] ?? .null),
                    authority: Authority(person: row.id, grants: grants, roles: roles))
            } catch {
                return nil
            }
        }
    }

    /// Names of the roles that a member holds here at that moment, if they may decide at all.
    func rolesToDecide(_ member: Member, at now: Moment) -> Set<String> {
        member.authority.permits(.approvalsDecide, in: node, at: now) ? member.authority.roleNames(in: node, at: now) : []
    }
}

/// Who could sign an open approval now, by the very rules that the engine applies to a signature, and whether it can be
/// completed at all.
package struct Deciders: Sendable {
    /// Who may give the next signature.
    package let next: [Roster.Member]
    /// Label of the first round for which there are too few people; nil when all signatures can be had.
    package let missing: String?

    /// `state` is the run's; nil when no such approval is open in it.
    init?(
        request key: String, state: RunState, context: RunContext, roster: Roster, amount: Money?, at now: Moment
    ) {
        guard let request = RunMachine.openRequests(for: state).first(where: { $0.key == key }), request.kind == .approval else {
            return nil
        }
        let given = RunMachine.signatures(for: state, key: key)
        let machine = RunMachine(state)
        // The machine itself says who is barred, whatever the rule: each person is tried with the roles of the present round.
        let round = Deciders.round(of: request, after: given)
        let asked = Set(request.rounds[round].roles)
        let able = roster.members.filter { member in
            guard ApprovalLimit.refusal(limit: member.limit, amount: amount) == nil else { return false }
            var trial = machine
            let decision = PersonDecision(
                taskKey: key, person: member.person, roles: asked, verdict: "approve", reason: nil,
                objectHash: request.objectHash, natural: member.natural)
            // A refusal is the answer that is looked for here.
            return (try? trial.handle(.personDecided(decision), at: now, in: context.environment)) != nil
        }
        let roles = able.map { roster.rolesToDecide($0, at: now) }
        next = zip(able, roles).filter { !$0.1.isDisjoint(with: asked) }.map(\.0)
        missing = Deciders.missing(request, from: round, given: given, able: able, roles: roles)
    }

    /// The round that is being signed.
    private static func round(of request: HumanRequest, after given: [SignatureNote]) -> Int {
        var round = 0
        while round + 1 < request.rounds.count, given.count(where: { $0.round == round }) >= request.rounds[round].quorum {
            round += 1
        }
        return round
    }

    /// Gives each open signature a person of its own, moving earlier ones where that helps; nobody signs twice.
    private static func missing(
        _ request: HumanRequest, from first: Int, given: [SignatureNote], able: [Roster.Member], roles: [Set<String>]
    ) -> String? {
        // Two accounts of one human being are one signature.
        var people: [PersonID: Set<String>] = [:]
        for (member, held) in zip(able, roles) { people[member.natural, default: []].formUnion(held) }
        let naturals = people.keys.sorted { $0.text < $1.text }
        var seats: [Set<String>] = []
        var labels: [String] = []
        for index in first..<request.rounds.count {
            let round = request.rounds[index]
            let open = round.quorum - given.count(where: { $0.round == index })
            for _ in 0..<max(0, open) {
                seats.append(Set(round.roles))
                labels.append(round.label)
            }
        }
        var seatOf: [Int: Int] = [:]
        func place(_ seat: Int, _ tried: inout Set<Int>) -> Bool {
            for (index, natural) in naturals.enumerated() where !tried.contains(index) {
                guard let held = people[natural], !held.isDisjoint(with: seats[seat]) else { continue }
                tried.insert(index)
                if let other = seatOf[index], !place(other, &tried) { continue }
                seatOf[index] = seat
                return true
            }
            return false
        }
        for seat in seats.indices {
            var tried: Set<Int> = []
            if !place(seat, &tried) { return labels[seat] }
        }
        return nil
    }
}
