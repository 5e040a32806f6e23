internal import Kernel

/// How a demonstration is to go.
package struct DemoPlan: Sendable {
    /// Where its data lies; kept between runs.
    package var folder: String
    /// The configuration that is applied.
    package var tenants: String
    package var port: Int
    /// Ends by itself after so many seconds of play; nil: when asked to.
    package var seconds: Int64?
    /// No pauses between events, and a shorter posting target, so that all of it is over in about a minute.
    package var isFast: Bool
    package var erp: SampleERP

    package init(folder: String, tenants: String, port: Int, seconds: Int64?, isFast: Bool, erp: SampleERP = .sandbox) {
        self.erp = erp
        self.folder = folder
        self.tenants = tenants
        self.port = port
        self.seconds = seconds
        self.isFast = isFast
    }

    /// Between one event of a story and the next.
    var pauseMilliseconds: Int64 { isFast ? 0 : 5_000 }
    /// Between two invoices of the background.
    var streamMilliseconds: Int64 { isFast ? 2_000 : 7_000 }
    var outageSeconds: Int64 { isFast ? 6 : 20 }

    /// Kestrel Labs' posting target, as its contract says it, and as it is shortened.
    static let postingTarget = "target: 2m"
    static let postingTargetFast = "target: 15s"

    var edits: @Sendable (String, String) -> String {
        guard isFast else { return { _, text in text } }
        return { path, text in
            guard path == "tenants/kestrel-labs/contracts/managed-ap.yaml" else { return text }
            return SampleContract.unsigned(replacing(DemoPlan.postingTarget, with: DemoPlan.postingTargetFast, in: text))
        }
    }
}

/// A sample contract's file.
package enum SampleContract {
    /// Without the signatures on paper, which are over another text once it has been edited; it is signed in the product then.
    package static func unsigned(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.prefix { !$0.utf8.elementsEqual("signed:".utf8) }.joined(separator: "\n") + "\n"
    }
}

/// What the demonstration promises to show.
package enum DemoScenario: String, Sendable, CaseIterable {
    case straightThrough = "straight through"
    case twoApprovers = "two approvers"
    case selfApproval = "self-approval refused"
    case priceMismatch = "price mismatch"
    case quantityMismatch = "quantity mismatch"
    case duplicate = "duplicate"
    case unreadable = "unreadable file"
    case unknownSupplier = "unknown supplier"
    case outage = "ERP outage"
    case breach = "SLA breach"
    case payment = "payment released"
    case fraud = "bank account changed"

    /// What is to be seen, for the list at the start.
    var promise: String {
        switch self {
        case .straightThrough: "a small invoice that agrees with its order is posted without anybody's hand"
        case .twoApprovers: "a large one waits for two different people"
        case .selfApproval: "who recorded an invoice tries to sign it, and may not"
        case .priceMismatch: "a price above the order stops at a person"
        case .quantityMismatch: "more invoiced than received; the goods arrive, and it goes on"
        case .duplicate: "the same invoice again, its number written otherwise"
        case .unreadable: "a broken file in the drop folder becomes a case with the reason"
        case .unknownSupplier: "a supplier that the ERP does not know"
        case .outage: "an ERP goes away and comes back; nothing is lost, nothing doubled"
        case .breach: "a target is missed: an incident opens, with its runbook"
        case .payment: "a payment is compared with the ERP and released by somebody who had no other hand in it"
        case .fraud: "somebody changes the supplier's bank account in the ERP; the payment is held"
        }
    }
}

/// Numbers that no earlier run has used; kept in a file.
final class TradeNumbers: Sendable {
    private let path: String
    private let next: Locked<Int>

    init(folder: String) {
        path = folder + "/next-number"
        next = Locked(Folder.text(path).flatMap { Int($0) } ?? 1)
    }

    func take() throws -> Int {
        let number = next.withLock { number -> Int in
            defer { number += 1 }
            return number
        }
        try Folder.write(Array("\(number + 1)".utf8), to: path)
        return number
    }
}
