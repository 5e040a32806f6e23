internal import Console
internal import Finance
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel
internal import Workflows

/// One request to a person as the page shows it: the decision or the exception, and the evidence beside it.
struct DecisionSheet: Sendable {
    let title: String
    let decision: DecisionCard?
    let exception: ExceptionCard?
    let evidence: EvidencePane?
    private let task: TaskRow
    private let lastSignature: Receipt?

    static func make(
        _ task: TaskRow, run: RunRow?, names: [PersonID: String], kit: PageKit, section: String, entered: TaskSheet? = nil,
        as deputy: Actor? = nil
    ) async throws -> DecisionSheet {
        let actor = deputy ?? kit.context.actor
        let document = try await task.document.asyncMap { try await kit.looking.document(kit.tenant, $0) }
        let invoiceRow = try await run?.invoice.asyncMap { try await kit.looking.invoice(kit.tenant, $0) }
        // Content of our own making; one of an older shape is shown by its bytes only.
        let invoice = invoiceRow.flatMap { try? Invoice(json: $0.content) }
        let parts = SheetParts(
            task: task, run: run, invoice: invoice, findings: invoiceRow?.findings ?? [], names: names,
            objection: try await run.asyncMap {
                try await kit.looking.objection(to: actor, signing: task, run: $0)
            } ?? nil,
            deciders: try await run.asyncMap { try await kit.looking.deciders(of: task, run: $0) } ?? nil,
            delegations: task.kind == "approval" && task.finishedAt == nil
                ? try await kit.looking.delegating.open(of: actor.person, in: kit.tenant) : [],
            actor: actor, kit: kit, section: section)
        let title = run.map { "\($0.subject), \($0.counterparty)" } ?? document?.fileName ?? task.title
        return DecisionSheet(
            title: title, decision: task.kind == "approval" ? parts.decision : nil,
            exception: task.kind == "approval" ? nil : parts.exception(document, entered ?? TaskSheet(task)),
            evidence: EvidencePane(
                tabs: [Tab(label: "Invoice", href: "\(kit.base)/\(section)/\(task.id)", isCurrent: true)],
                invoice: invoice.map { InvoicePaper.draw($0, kit: kit) },
                empty: invoice == nil
                    ? EmptyState(why: "The document could not be drawn; its bytes are kept as they came.") : nil,
                storedHash: document.map { HashText.short($0.sha256.hexText) } ?? "",
                shownHash: task.objectHash.map { HashText.short($0) } ?? "",
                original: document.map { "/api/v1/tenants/\(kit.context.scope.slug)/documents/\($0.id)/content" } ?? ""),
            task: task, lastSignature: try await parts.receipt())
    }

    /// The receipt in place, right after an act that was committed.
    func receipt(_ request: WebRequest) -> Receipt? { request.query("signed") == nil ? nil : lastSignature }
}

/// The parts of a sheet, made from the request as the engine wrote it.
struct SheetParts: Sendable {
    let task: TaskRow
    let run: RunRow?
    let invoice: Invoice?
    let findings: JSONValue
    let names: [PersonID: String]
    /// What the engine has against this person's signature; nil when nothing, or when it is no approval.
    let objection: Refusal?
    /// Who could sign an open approval; nil when it is none.
    let deciders: Deciders?
    /// What this person has given or taken and what is not over.
    let delegations: [DelegationRow]
    /// The person, or the person as somebody's deputy.
    let actor: Actor
    let kit: PageKit
    let section: String

    private var you: PersonID { kit.context.visitor.identity.person.id }
    private var path: String { "/\(section)/\(task.id)" }
    private var isPayment: Bool { run?.state["input"]?["payment"] != nil }
    private var evidence: JSONValue { task.request["evidence"] ?? .null }

    func receipt() async throws -> Receipt? {
        let entries = try await task.run.asyncMap { try await kit.looking.audit(kit.tenant, run: $0) } ?? []
        let entry = entries.last { $0.actorKind == "person" }
        // A rejection is no signature, and its entry in the log is all there is of it.
        let signature = task.progress["signatures"]?.array?.last
        guard let at = entry?.at ?? signature?["at"]?.moment else { return nil }
        let person = (entry?.actor ?? signature?["person"]?.string).flatMap { PersonID($0) }
        let act = task.finishedAt == nil ? "Signed" : task.outcome.map(EventWords.words) ?? "Recorded"
        return Receipt(
            act:
                "\(act): \(run?.subject ?? task.title)",
            person: person.flatMap { names[$0] } ?? "someone",
            time: kit.time.stamp(at, seconds: true),
            entry: entry.map { kit.money.count(Int($0.number)) } ?? "", hash: task.objectHash.map { HashText.short($0) } ?? "")
    }

    /// Why this person may not answer; empty when they may. The engine decides again when the answer comes.
    private func blocked(_ permission: Permission, isRejection: Bool = false) -> String {
        if task.finishedAt != nil { return "This has been decided: \(task.outcome ?? task.state)." }
        if !kit.may(permission) { return "Your roles do not decide this." }
        let asked = Set((task.request["rounds"]?.array ?? []).flatMap { ($0["roles"]?.array ?? []).compactMap(\.string) })
        if asked.isDisjoint(with: actor.roles) {
            return "This asks for \(asked.sorted().map(PageWords.role).joined(separator: " or "))."
        }
        if (task.progress["signatures"]?.array ?? []).contains(where: { $0["person"]?.string == you.text }) {
            return "You have signed this."
        }
        if let objection, objection.reason.hasPrefix("sod."), !isRejection { return objection.message }
        if task.kind == "approval",
            let refusal = ApprovalLimit.refusal(limit: actor.approvalLimit, amount: run?.amount)
        {
            return refusal.message + whoCould
        }
        return ""
    }

    /// Whom to ask instead, for somebody whose own limit does not reach.
    private var whoCould: String {
        guard let deciders else { return "" }
        let names = deciders.next.prefix(5).map(\.name)
        if names.isEmpty { return " Nobody here has one that does; the engineers on duty have been told." }
        return " \(names.joined(separator: ", ")) could."
    }

    private var claim: ClaimForm? {
        guard task.finishedAt == nil else { return nil }
        if task.claimedBy == you { return ClaimForm(form: kit.form(path + "/release"), label: "Release claim") }
        return ClaimForm(form: kit.form(path + "/claim"), label: "Claim")
    }

    var decision: DecisionCard {
        let needed = (task.request["rounds"]?.array ?? []).reduce(0) { $0 + ($1["quorum"]?.int ?? 1) }
        let signed = task.progress["signatures"]?.array?.count ?? 0
        let left = needed - signed - 1
        return DecisionCard(
            kicker: "\(isPayment ? "Payment" : "Invoice"), signature \(min(signed + 1, max(needed, 1))) of \(max(needed, 1))",
            amount: run.map { kit.amount($0.amountMinor, $0.currency) } ?? "",
            party: run?.counterparty ?? "", account: SheetParts.shortAccount(invoice),
            run: run.map { "\(kit.base)/runs/\($0.id)" } ?? "", actingFor: actingFor,
            why: Markup(emphasis: why), differences: differences, checks: checks,
            signatures: SignatureLines.lines(of: task, names: names, you: you, roles: actor.roles, kit: kit),
            consequence: left <= 0
                ? isPayment
                    ? "If you approve: the bill is compared with the ERP once more; if it still agrees, the payment is released."
                    : "If you approve: nothing else is needed. It posts to the ERP at once."
                : "If you approve: \(CountText.text(left, "signature remains", "signatures remain")).",
            form: kit.form(path + "/decision"), objectHash: task.objectHash ?? "", blocked: blocked(.approvalsDecide),
            rejectBlocked: blocked(.approvalsDecide, isRejection: true), isDecided: task.finishedAt != nil, claim: claim,
            delegation: actor.behalf?.delegation ?? "", standIns: standIns)
    }

    private var actingFor: Markup {
        guard let behalf = actor.behalf, let row = delegations.first(where: { $0.id.text == behalf.delegation }) else {
            return .empty
        }
        let limit = actor.approvalLimit.map { ", up to \(kit.money.text($0))" } ?? ""
        return Markup(
            emphasis: "You decide **for \(names[behalf.person] ?? "a colleague")** until \(kit.time.full(row.endsAt))\(limit).")
    }

    /// Where to decide for oneself and for whom one stands in.
    private var standIns: [Tab] {
        let given = delegations.filter { row in
            guard row.deputy == you, let run, let terms = try? row.terms() else { return false }  // not offered; refused if tried
            return terms.objection(workflow: run.workflow, at: kit.now) == nil
        }
        guard !given.isEmpty else { return [] }
        let own = Tab(label: "For yourself", href: kit.base + path, isCurrent: actor.behalf == nil)
        return [own]
            + given.map { row in
                Tab(
                    label: "For \(names[row.giver] ?? "a colleague")", href: "\(kit.base)\(path)?for=\(row.id)",
                    isCurrent: actor.behalf?.delegation == row.id.text)
            }
    }

    func exception(_ document: DocumentRow?, _ sheet: TaskSheet) -> ExceptionCard {
        let age = (task.finishedAt ?? kit.now).seconds(since: task.createdAt)
        let resolutions = (task.request["resolutions"]?.array ?? []).map { item in
            ExceptionCard.Resolution(
                value: item["name"]?.string ?? "", label: item["label"]?.string ?? "",
                consequence: item["consequence"]?.string ?? "", isChosen: item["name"]?.string == sheet.verdict)
        }
        let located = (findings.array ?? []).prefix(12).map { finding in
            Fact(label: finding["rule"]?.string ?? "finding", value: finding["message"]?.string ?? "")
        }
        let reason = evidence["reason"]?.string ?? task.request["object"]?["message"]?.string
        return ExceptionCard(
            kicker: task.request["code"]?.string.map(codeWords) ?? (task.kind == "task" ? "Task" : "Exception"),
            title: task.title,
            amount: run.map { kit.amount($0.amountMinor, $0.currency) } ?? "none",
            party: run?.counterparty ?? document?.fileName ?? "", run: run.map { "\(kit.base)/runs/\($0.id)" } ?? "",
            age: "open \(DurationText.text(age))" + (task.claimedBy.flatMap { names[$0] }.map { ", with \($0)" } ?? ""),
            why: Markup(emphasis: reason ?? why),
            differences: differences, checks: checks, findings: Array(located), resolutions: resolutions,
            form: kit.form(path + "/decision"),
            objectHash: task.objectHash ?? "", actLabel: task.kind == "task" ? "Answer the task" : "Resolve the exception",
            blocked: blocked(.exceptionsResolve), claim: claim, fields: sheet.fields, reason: sheet.reason,
            needsReason: task.kind != "task",
            shownObject: task.kind == "task" ? TaskSheet.facts(task.request["object"] ?? .null) + answers : [])
    }

    /// Who has answered a task that several have to answer alike; never what.
    private var answers: [Fact] {
        let needed = task.request["rounds"]?[0]?["quorum"]?.int ?? 1
        guard needed > 1 else { return [] }
        let given = (task.progress["signatures"]?.array ?? []).map { signature in
            signature["person"]?.string.flatMap { PersonID($0) }.flatMap { names[$0] } ?? "someone"
        }
        return [
            Fact(label: "Answers needed", value: "\(needed) alike, each from another person"),
            Fact(label: "Answered so far", value: given.isEmpty ? "nobody" : given.joined(separator: ", ")),
        ]
    }

    private func codeWords(_ code: String) -> String { ExceptionCode(rawValue: code)?.title ?? code }

    /// Why it stopped, in words, from what the engine recorded.
    private var why: String {
        if let hold = evidence["holds"]?[0] ?? evidence["match"]?["holds"]?[0] {
            return hold["message"]?.string ?? hold["title"]?.string ?? hold["code"]?.string.map(codeWords)
                ?? "It differs from the order."
        }
        if let rule = evidence["decision"]?["rulesFired"]?[0]?["label"]?.string
            ?? evidence["decision"]?["rulesFired"]?[0]?["id"]?.string
        {
            return "The approval policy asks for a signature: **\(rule)**."
        }
        if let drift = evidence["drift"]?.array, !drift.isEmpty {
            let fields = drift.prefix(5).compactMap { $0["field"]?.string }.map(SheetParts.fieldWords)
            return "In the ERP it is not what was approved: **\(fields.joined(separator: ", "))**."
        }
        if let first = evidence["findings"]?[0]?["message"]?.string { return first }
        if let duplicate = evidence["duplicates"]?[0] {
            let reasons = (duplicate["reasons"]?.array ?? []).compactMap(\.string)
            return
                "It resembles invoice **\(duplicate["number"]?.string ?? "")**: \(reasons.joined(separator: ", "))."
        }
        return evidence["error"]?["message"]?.string ?? evidence["error"]?["detail"]?.string ?? "\(task.title)."
    }

    /// What was approved beside what the ERP says now, field by field; what differs stands out.
    private var comparison: [DifferenceTable] {
        let drift = evidence["drift"]?.array ?? []
        let compared = evidence["compared"]?.array ?? []
        let names = Set(compared.compactMap { $0["field"]?.string })
        // What is no field of the bill, such as its state or an account that is not on file, is told by the difference alone.
        let rows = compared + drift.filter { !names.contains($0["field"]?.string ?? "") }
        guard !rows.isEmpty else { return [] }
        return [
            DifferenceTable(
                caption: "Approved and in the ERP", columns: ["Approved", "ERP now"],
                rows: rows.prefix(50).map { row in
                    let isDifferent = row["asked"] != row["found"]
                    return DifferenceTable.Row(
                        label: SheetParts.fieldWords(row["field"]?.string ?? ""),
                        cells: [
                            .init(text: SheetParts.text(row["asked"]) ?? "none", isQuiet: row["asked"] == nil),
                            .init(text: SheetParts.text(row["found"]) ?? "none", isStrong: isDifferent),
                        ], isDifferent: isDifferent)
                })
        ]
    }

    /// `bankAccounts` as `Bank accounts`; a place in a list keeps its number.
    static func fieldWords(_ field: String) -> String {
        var out = ""
        for character in field {
            if character.isUppercase { out += " " }
            out += character.isUppercase ? character.lowercased() : character == "/" ? " " : String(character)
        }
        return out.prefix(1).uppercased() + out.dropFirst()
    }

    private var differences: [DifferenceTable] {
        let comparison = comparison
        if !comparison.isEmpty { return comparison }
        let holds = evidence["holds"]?.array ?? evidence["match"]?["holds"]?.array ?? []
        guard !holds.isEmpty else { return [] }
        let rows = holds.prefix(50).map { hold in
            DifferenceTable.Row(
                label: (hold["code"]?.string.map(codeWords) ?? "Hold") + (hold["line"]?.string.map { ", line \($0)" } ?? ""),
                cells: [
                    .init(text: SheetParts.text(hold["expected"]) ?? "not checked", isQuiet: hold["expected"] == nil),
                    .init(text: SheetParts.text(hold["actual"]) ?? "none", isStrong: true),
                ], isDifferent: true)
        }
        return [DifferenceTable(caption: "What differs", columns: ["Expected", "Invoice"], rows: Array(rows))]
    }

    static func text(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text)?: text
        case .number(let number)?: number.text
        case .array(let items)?: items.isEmpty ? nil : items.compactMap { text($0) }.joined(separator: ", ")
        case .object(let object)?:
            object["amount"]?.string.map { "\(object["currency"]?.string ?? "") \($0)" } ?? object["value"]?.string
        default: nil
        }
    }

    private var checks: [Check] {
        var out: [Check] = []
        let fatal = (findings.array ?? []).filter { $0["severity"]?.string == "fatal" }.count
        out.append(
            Check(
                status: fatal == 0 ? .done : .failed,
                text: fatal == 0 ? "No fatal finding" : CountText.text(fatal, "fatal finding")))
        let duplicates = run?.state["input"]?["duplicates"]?.array ?? []
        out.append(
            Check(
                status: duplicates.isEmpty ? .done : .watch,
                text: duplicates.isEmpty
                    ? "Not a duplicate" : CountText.text(duplicates.count, "invoice resembles it", "invoices resemble it")))
        switch evidence["match"]?["result"]?.string {
        case "matched": out.append(Check(status: .done, text: "Agrees with order and receipts"))
        case "held": out.append(Check(status: .watch, text: "Differs from the order"))
        case .some: out.append(Check(status: .notStarted, text: "No order to compare with"))
        case nil where isPayment:
            let isSame = (evidence["drift"]?.array ?? []).isEmpty
            out.append(
                Check(status: isSame ? .done : .failed, text: isSame ? "Agrees with the ERP" : "Differs from what was approved"))
        case nil: break
        }
        return out
    }

    /// The account with its middle left out.
    static func shortAccount(_ invoice: Invoice?) -> String {
        guard let account = invoice?.paymentInstructions.lazy.compactMap({ $0.account?.id.value }).first, account.count > 10
        else { return "" }
        return "\(account.prefix(4)) … \(account.suffix(6).prefix(4)) \(account.suffix(2))"
    }
}

/// An invoice drawn as paper from its canonical fields.
enum InvoicePaper {
    static func draw(_ invoice: Invoice, kit: PageKit) -> DrawnInvoice {
        let lines = invoice.lines.prefix(DrawnInvoice.linesMax).map { line in
            DrawnInvoice.Line(
                number: line.id, article: line.name, quantity: PaperField(text: kit.money.text(line.quantity.value)),
                price: PaperField(text: kit.money.plain(line.unitPrice)),
                amount: PaperField(text: kit.money.plain(line.netAmount)))
        }
        let totals = invoice.totals
        var sums = [DrawnInvoice.Total(label: "Net", value: PaperField(text: kit.money.plain(totals.taxExclusive)))]
        if let tax = totals.tax { sums.append(.init(label: "Tax", value: PaperField(text: kit.money.plain(tax)))) }
        sums.append(
            .init(
                label: "Total \(invoice.currency.code)",
                value: PaperField(text: kit.money.plain(totals.taxInclusive), mark: .field), isFinal: true))
        var facts = [PaperField(text: invoice.issueDate.description, label: "Date")]
        if let order = invoice.orderRef { facts.append(PaperField(text: order, label: "Order", mark: .field)) }
        var payment: [PaperField] = []
        if let due = invoice.dueDate { payment.append(PaperField(text: due.description, label: "Payable by")) }
        if let account = invoice.paymentInstructions.lazy.compactMap({ $0.account?.id.value }).first {
            payment.append(PaperField(text: account, label: "to", mark: .field))
        }
        return DrawnInvoice(
            seller: invoice.seller.legalName, sellerLines: address(invoice.seller),
            buyerLines: [invoice.buyer.legalName] + address(invoice.buyer),
            kind: invoice.kind == .creditNote ? "Credit note" : "Invoice", number: PaperField(text: invoice.number, mark: .field),
            facts: facts, lines: Array(lines),
            moreLines: invoice.lines.count > lines.count ? "and \(invoice.lines.count - lines.count) more lines" : "",
            totals: sums, payment: payment)
    }

    private static func address(_ party: PartyDetails) -> [String] {
        var out: [String] = []
        if let address = party.address {
            if let line = address.line1 { out.append(line) }
            let town = [address.postCode, address.city].compactMap(\.self).joined(separator: " ")
            if !town.isEmpty { out.append(town) }
        }
        if let vat = party.vatId { out.append("VAT \(vat)") }
        return out
    }
}
