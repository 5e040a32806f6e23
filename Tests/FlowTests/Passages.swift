import Kernel
import Records
import TestBasics
import Testing

@testable import Flow

/// One way through a library workflow, with what the world and the people do on it.
struct Passage: Sendable, CustomStringConvertible {
    /// What somebody answers when asked. The same request gets the same answer, however often it is seen.
    struct Reply: Sendable {
        var kind = "approval"
        /// Of an exception; nil takes any.
        var code: String?
        let verdict: String
        let by: String
        /// Who could answer the same at the same moment.
        var rival: String?
        var reason: String?
        /// What was put right before the answer.
        var first: @Sendable (inout ScriptedLedger.State) -> Void = { _ in }
    }

    let name: String
    let workflow: String
    var gross = "4800.00"
    /// What is wrong with the world from the moment that counts.
    var trouble: @Sendable (inout ScriptedLedger.State) -> Void = { _ in }
    var replies: [Reply] = []
    /// People let requests lie for so long.
    var patienceSeconds: Int64 = 0
    /// How the passage ends when nothing disturbs it, as "workflow-outcome" of its last run.
    let outcome: String
    /// Every commit is cut in each run of the tests, and not only a sample of them.
    var isWhole = false

    var description: String { "\(workflow), \(name)" }

    private var document: SampleDocument { SampleDocument(gross: gross, order: "PO-\(gross)") }

    /// What lies before the passage and is not disturbed.
    func prepare(_ stage: Stage) async throws {
        if workflow == "payment-release" {
            try await stage.receive(document)
            try await stage.work()
            if let request = try await stage.requests("approval").first {
                try await stage.decide("approve", on: request, by: "jonas")
                try await stage.work()
            }
            #expect(try await stage.run().outcome == "posted")
        }
        stage.ledger.change(trouble)
    }

    /// Sets the run off; whoever is not sure of it does so again.
    func begin(_ stage: Stage) async throws {
        guard workflow == "payment-release" else {
            try await stage.receive(document)
            return
        }
        let posted = try #require(try await stage.runs().first { $0.workflow == "accounts-payable" })
        try await stage.askForPayment(posted, by: "ruth")
    }

    func reply(to request: TaskRow) -> Reply? {
        let code = request.request["code"]?.string
        return replies.first { $0.kind == request.kind && ($0.code == nil || $0.code == code) }
    }
}

extension Passage {
    /// More often than any passage asks: a trouble lasts until somebody puts it right, however many attempts meet it.
    private static let lasting = 1000
    private static let approval = Reply(verdict: "approve", by: "jonas", rival: "petra")
    private static let release = Reply(verdict: "approve", by: "tessa", rival: "theo")

    /// At least one for every workflow of the library.
    static let all: [Passage] = [
        Passage(name: "signed", workflow: "accounts-payable", replies: [approval], outcome: "posted", isWhole: true),
        Passage(name: "without a hand", workflow: "accounts-payable", gross: "952.00", outcome: "posted"),
        Passage(
            name: "signed after the escalation", workflow: "accounts-payable", replies: [approval], patienceSeconds: 30_000,
            outcome: "posted"),
        Passage(
            name: "declined by the approver", workflow: "accounts-payable",
            replies: [Reply(verdict: "reject", by: "jonas", rival: "petra", reason: "Not ours.")], outcome: "rejected"),
        Passage(
            name: "refused by the ERP and sent again", workflow: "accounts-payable", gross: "952.00",
            trouble: { $0.refusals = lasting },
            replies: [
                Reply(
                    kind: "exception", code: "ERP_REJECTED", verdict: "retry", by: "ruth", rival: "maya", reason: "It is open.",
                    first: { $0.refusals = 0 })
            ], outcome: "posted"),
        Passage(
            name: "confirmed to the ERP", workflow: "accounts-payable", gross: "952.00",
            trouble: { $0.question = "similar-bill" },
            replies: [
                Reply(kind: "exception", code: "ERP_QUESTION", verdict: "confirm", by: "ruth", reason: "Another month's paper.")
            ], outcome: "posted"),
        Passage(
            name: "read at the second sight", workflow: "accounts-payable", gross: "952.00", trouble: { $0.unreadable = lasting },
            replies: [
                Reply(
                    kind: "exception", code: "DOC_UNREADABLE", verdict: "read-again", by: "maya", rival: "ruth",
                    reason: "It opens here.", first: { $0.unreadable = 0 })
            ], outcome: "posted"),
        Passage(name: "released", workflow: "payment-release", replies: [release], outcome: "released"),
        Passage(
            name: "released after the escalation", workflow: "payment-release", replies: [release], patienceSeconds: 30_000,
            outcome: "released"),
        Passage(
            name: "released when the reference was put right", workflow: "payment-release",
            trouble: { $0.changed = ["number": "R-1-NEW"] },
            replies: [
                release,
                Reply(
                    kind: "exception", code: "PAYMENT_DRIFT", verdict: "retry", by: "ruth", reason: "It was taken back.",
                    first: { $0.changed = [:] }),
            ], outcome: "released"),
        Passage(
            name: "withheld because the account changed", workflow: "payment-release",
            trouble: { $0.account = "DE02120300000000202051" },
            replies: [
                Reply(
                    kind: "exception", code: "PAYMENT_DRIFT", verdict: "withhold", by: "ruth",
                    reason: "The supplier knows of no new account.")
            ], outcome: "withheld"),
    ]

    /// The workflows of the operator's library, from its folder.
    static func library() throws -> [String] {
        try FileBytes.names(in: "\(Checkout.root)/Tenants/operator/library/workflows").filter { $0.hasSuffix(".yaml") }
            .map { String($0.dropLast(5)) }.sorted()
    }
}
