package import Kernel

/// Decisions that somebody has given to a deputy for a time.
///
/// A delegation gives no right that its giver has not at the moment of the signature, none for longer than 90 days, and none
/// that could be handed on. The giver goes on deciding; the two count as one person wherever signatures or duties are counted.
package struct Delegation: Sendable, Equatable {
    package static let daysMax: Int64 = 90
    package static let reasonScalarsMax = 500
    package static let workflowsMax = 20
    /// Of one person at one time, given and taken.
    package static let openMax = 20

    package enum State: String, Sendable, CaseIterable { case planned, active, ended, revoked }

    package let giver: PersonID
    package let deputy: PersonID
    package let startsAt: Moment
    /// First instant at which it no longer holds.
    package let endsAt: Moment
    /// Names of workflows; every one when empty.
    package let workflows: [String]
    /// The highest amount of one document; the giver's own limit when nil.
    package let cap: Money?
    package let revokedAt: Moment?

    package init(
        giver: PersonID, deputy: PersonID, startsAt: Moment, endsAt: Moment, workflows: [String] = [], cap: Money? = nil,
        revokedAt: Moment? = nil
    ) {
        self.giver = giver
        self.deputy = deputy
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.workflows = workflows
        self.cap = cap
        self.revokedAt = revokedAt
    }

    package func state(at now: Moment) -> State {
        if revokedAt.map({ $0 <= now }) == true { return .revoked }
        return now < startsAt ? .planned : now < endsAt ? .active : .ended
    }

    /// The time in which it holds, as far as is known now.
    private var end: Moment { min(endsAt, revokedAt ?? endsAt) }

    /// Whether there is an instant at which both hold.
    package func overlaps(_ other: Delegation) -> Bool { startsAt < other.end && other.startsAt < end }

    /// Refuses what may not be given: too long, in the past, to oneself, beyond one's own limit, or in a chain with `others`,
    /// which are the delegations of both people that are not over.
    package func check(giverLimit: Money?, others: [Delegation], at now: Moment) throws(Refusal) {
        guard giver != deputy else {
            throw Delegation.refusal("self", "A deputy is somebody else.", "to")
        }
        guard startsAt < endsAt, now < endsAt else {
            throw Delegation.refusal("time", "The time ends before it begins, or is over. Give an end in the future.", "endsAt")
        }
        guard endsAt.seconds(since: startsAt) <= Delegation.daysMax * 86_400 else {
            throw Delegation.refusal(
                "time", "Decisions are given away for at most \(Delegation.daysMax) days. Give a nearer end.", "endsAt")
        }
        if let cap, let giverLimit {
            guard cap.currency == giverLimit.currency, cap.minorUnits <= giverLimit.minorUnits else {
                throw Delegation.refusal(
                    "limit", "The giver's own limit is \(giverLimit), and a deputy's is no higher and of the same currency.",
                    "maxAmount")
            }
        }
        let meeting = others.filter { overlaps($0) }
        if meeting.contains(where: { $0.giver == deputy }) {
            throw Delegation.refusal(
                "chained", "In that time the deputy's own decisions are given to somebody else, and none are handed on.", "to")
        }
        if meeting.contains(where: { $0.deputy == giver }) {
            throw Delegation.refusal(
                "chained", "In that time the giver is a deputy. Whoever they stand for has to choose another one first.", "from")
        }
        let same = meeting.filter { $0.giver == giver && $0.deputy == deputy }
        if same.contains(where: { $0.workflows.isEmpty || workflows.isEmpty || !Set($0.workflows).isDisjoint(with: workflows) }) {
            throw Delegation.refusal("known", "This deputy has these decisions in that time already.", "to")
        }
        guard meeting.count < Delegation.openMax else {
            throw Delegation.refusal("many", "More than \(Delegation.openMax) delegations hold at one time.", "to")
        }
    }

    private static func refusal(_ word: String, _ sentence: String, _ field: String) -> Refusal {
        Refusal(.unprocessable, reason: "delegation.\(word)", sentence, facts: ["field": field])
    }

    /// How far a deputy's signature reaches: the lower of the giver's limit now and the cap. Refused when the two are of
    /// different currencies, which nobody can compare; the giver's limit has changed then.
    package func limit(of giverLimit: Money?) throws(Refusal) -> Money? {
        guard let cap, let giverLimit else { return cap ?? giverLimit }
        guard cap.currency == giverLimit.currency else {
            throw Refusal(
                .forbidden, reason: "delegation.limit",
                "The giver's limit is \(giverLimit) now, and the delegation's is \(cap). It has to be given anew.")
        }
        return cap.minorUnits < giverLimit.minorUnits ? cap : giverLimit
    }

    /// Why the deputy may not decide in this workflow now; nil when they may, as far as the delegation goes.
    package func objection(workflow: String, at now: Moment) -> Refusal? {
        switch state(at: now) {
        case .planned:
            Refusal(.forbidden, reason: "delegation.planned", "You stand in from \(startsAt.text(fraction: 0)) on.")
        case .ended, .revoked:
            Refusal(.forbidden, reason: "delegation.ended", "You do not stand in any more.")
        case .active where !workflows.isEmpty && !workflows.contains(where: { sameBytes($0, workflow) }):
            Refusal(
                .forbidden, reason: "delegation.workflow",
                "You stand in for \(workflows.joined(separator: ", ")), and this is \(workflow).")
        case .active: nil
        }
    }
}
