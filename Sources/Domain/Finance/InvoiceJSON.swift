package import Kernel

extension Invoice {
    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            kind: try fields.required("kind"), direction: try fields.required("direction"), number: try fields.required("number"),
            issueDate: try fields.required("issueDate"), currency: try fields.required("currency"),
            seller: try fields.required("seller"), buyer: try fields.required("buyer"), totals: try fields.required("totals"),
            taxBreakdown: try fields.list("taxBreakdown", max: Invoice.allowancesMax),
            lines: try fields.list("lines", max: Invoice.linesMax), status: try fields.optional("status") ?? .parsed)
        typeCode = try fields.optional("typeCode")
        dueDate = try fields.optional("dueDate")
        taxPointDate = try fields.optional("taxPointDate")
        period = try fields.optional("period")
        taxCurrency = try fields.optional("taxCurrency")
        taxTotalInTaxCurrency = try fields.optional("taxTotalInTaxCurrency")
        specification = try fields.optional("specification")
        notes = try fields.list("notes", max: Invoice.attachmentsMax)
        try readReferences(&fields)
        try readParts(&fields)
        try fields.finish()
    }

    private mutating func readReferences(_ fields: inout JSONFields) throws(Refusal) {
        buyerReference = try fields.optional("buyerReference")
        projectRef = try fields.optional("projectRef")
        contractRef = try fields.optional("contractRef")
        orderRef = try fields.optional("orderRef")
        precedingInvoices = try fields.list("precedingInvoices", max: Invoice.allowancesMax)
        receiptRef = try fields.optional("receiptRef")
        duplicateOf = try fields.optional("duplicateOf")
    }

    private mutating func readParts(_ fields: inout JSONFields) throws(Refusal) {
        payee = try fields.optional("payee")
        taxRepresentative = try fields.optional("taxRepresentative")
        deliverTo = try fields.optional("deliverTo")
        paymentTermsText = try fields.optional("paymentTermsText")
        discounts = try fields.list("discounts", max: Invoice.attachmentsMax)
        paymentInstructions = try fields.list("paymentInstructions", max: Invoice.attachmentsMax)
        allowancesCharges = try fields.list("allowancesCharges", max: Invoice.allowancesMax)
        attachments = try fields.list("attachments", max: Invoice.attachmentsMax)
        validation = try fields.optional("validation")
        match = try fields.optional("match")
    }

    /// Members in the order of the canonical description; lists are always present, other unknowns are left out.
    package var json: JSONValue {
        let head: KeyValuePairs<String, JSONValue?> = [
            "kind": kind.json, "typeCode": typeCode?.json, "direction": direction.json, "number": number.json,
            "issueDate": issueDate.json, "dueDate": dueDate?.json, "taxPointDate": taxPointDate?.json, "period": period?.json,
            "currency": currency.json, "taxCurrency": taxCurrency?.json, "taxTotalInTaxCurrency": taxTotalInTaxCurrency?.json,
            "specification": specification?.json, "notes": notes.json, "buyerReference": buyerReference?.json,
            "projectRef": projectRef?.json, "contractRef": contractRef?.json, "orderRef": orderRef?.json,
            "precedingInvoices": precedingInvoices.json, "receiptRef": receiptRef?.json,
        ]
        let parts: KeyValuePairs<String, JSONValue?> = [
            "seller": seller.json, "buyer": buyer.json, "payee": payee?.json, "taxRepresentative": taxRepresentative?.json,
            "deliverTo": deliverTo?.json, "paymentTermsText": paymentTermsText?.json, "discounts": discounts.json,
            "paymentInstructions": paymentInstructions.json, "allowancesCharges": allowancesCharges.json, "totals": totals.json,
            "taxBreakdown": taxBreakdown.json, "attachments": attachments.json, "lines": lines.json,
            "validation": validation?.json, "match": match?.json, "duplicateOf": duplicateOf?.json, "status": status.json,
        ]
        let present = (Array(head) + Array(parts)).compactMap { pair in pair.value.map { (key: pair.key, value: $0) } }
        return .object(JSONObject(present))
    }
}

/// Which rules were run over a document and what they said.
package struct Validation: Hashable, Sendable, JSONCoded {
    package var ruleSet: String
    package var ruleSetVersion: String
    package var findings: [Finding]

    package init(ruleSet: String, ruleSetVersion: String, findings: [Finding]) {
        self.ruleSet = ruleSet
        self.ruleSetVersion = ruleSetVersion
        self.findings = findings
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        ruleSet = try fields.required("ruleSet")
        ruleSetVersion = try fields.required("ruleSetVersion")
        findings = try fields.list("findings")
        try fields.finish()
    }

    package var json: JSONValue {
        .object(["ruleSet": ruleSet.json, "ruleSetVersion": ruleSetVersion.json, "findings": findings.json])
    }
}

/// How the lines met the order, as far as the invoice itself remembers it; the holds are in `MatchResult`.
package struct MatchSummary: Hashable, Sendable, JSONCoded {
    package var mode: String
    package var result: MatchResult.Outcome
    package var lines: [MatchResult.Line]

    package init(mode: String, result: MatchResult.Outcome, lines: [MatchResult.Line]) {
        self.mode = mode
        self.result = result
        self.lines = lines
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        mode = try fields.required("mode")
        result = try fields.required("result")
        lines = try fields.list("lines", max: Invoice.linesMax)
        try fields.finish()
    }

    package var json: JSONValue { .object(["mode": mode.json, "result": result.json, "lines": lines.json]) }
}
