package import Kernel

/// Whose invoice is matched, as far as scopes of tolerances ask.
package struct MatchSubject: Hashable, Sendable, JSONCoded {
    package var entity: String?
    /// The supplier's number in the ERP.
    package var supplier: String?
    package var category: String?
    package var currency: Currency

    package init(entity: String? = nil, supplier: String? = nil, category: String? = nil, currency: Currency) {
        self.entity = entity
        self.supplier = supplier
        self.category = category
        self.currency = currency
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        entity = try fields.optional("entity")
        supplier = try fields.optional("supplier")
        category = try fields.optional("category")
        currency = try fields.required("currency")
        try fields.finish()
    }

    package var json: JSONValue {
        .object(["entity": entity?.json, "supplier": supplier?.json, "category": category?.json, "currency": currency.json])
    }
}

/// What stops an invoice at matching: the code, both figures, how far apart they are, and the tolerance row that said so.
package struct Hold: Hashable, Sendable, JSONCoded {
    package var code: ExceptionCode
    /// The invoice line, or nil for the whole document.
    package var line: String?
    package var message: String
    package var expected: String?
    package var actual: String?
    /// In minor units of the invoice's currency; positive when the invoice asks for more.
    package var varianceMinor: Int64?
    /// With two decimals, such as `4.17`; nil when there is nothing to compare with.
    package var variancePercentText: String?
    package var toleranceId: String?
    package var toleranceVersion: Int?
    package var action: Tolerance.Action

    package init(
        code: ExceptionCode, line: String? = nil, message: String, expected: String? = nil, actual: String? = nil,
        varianceMinor: Int64? = nil, variancePercentText: String? = nil, toleranceId: String? = nil, toleranceVersion: Int? = nil,
        action: Tolerance.Action = .hold
    ) {
        self.code = code
        self.line = line
        self.message = message
        self.expected = expected
        self.actual = actual
        self.varianceMinor = varianceMinor
        self.variancePercentText = variancePercentText
        self.toleranceId = toleranceId
        self.toleranceVersion = toleranceVersion
        self.action = action
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        code = try fields.required("code")
        line = try fields.optional("line")
        message = try fields.required("message")
        expected = try fields.optional("expected")
        actual = try fields.optional("actual")
        varianceMinor = try fields.optional("varianceMinor")
        variancePercentText = try fields.optional("variancePercentText")
        toleranceId = try fields.optional("toleranceId")
        toleranceVersion = try fields.optional("toleranceVersion")
        action = try fields.optional("action") ?? .hold
        _ = fields.raw("title")
        try fields.finish()
    }

    /// `title` is written for readers of the JSON and ignored when it is read back.
    package var json: JSONValue {
        .object([
            "code": code.json, "title": code.title.json, "line": line?.json, "message": message.json, "expected": expected?.json,
            "actual": actual?.json, "varianceMinor": varianceMinor?.json, "variancePercentText": variancePercentText?.json,
            "toleranceId": toleranceId?.json, "toleranceVersion": toleranceVersion?.json, "action": action.json,
        ])
    }
}

/// What matching an invoice against its order and receipts found.
package struct MatchResult: Hashable, Sendable, JSONCoded {
    package enum Outcome: String, Sendable, CaseIterable, JSONCoded { case matched, held, notApplicable }

    /// Invoice line, the order line it met, and whether it is held.
    package struct Line: Hashable, Sendable, JSONCoded {
        package var line: String
        package var orderLine: String?
        package var result: Outcome

        package init(line: String, orderLine: String?, result: Outcome) {
            self.line = line
            self.orderLine = orderLine
            self.result = result
        }

        package init(json: JSONValue, at pointer: String) throws(Refusal) {
            var fields = try JSONFields(json, at: pointer)
            line = try fields.required("line")
            orderLine = try fields.optional("orderLine")
            result = try fields.required("result")
            try fields.finish()
        }

        package var json: JSONValue { .object(["line": line.json, "orderLine": orderLine?.json, "result": result.json]) }
    }

    /// `none`, `2-way` or `3-way`: three when any order line wants a receipt.
    package var mode: String
    package var result: Outcome
    package var holds: [Hold]
    package var lines: [Line]

    package init(mode: String, result: Outcome, holds: [Hold], lines: [Line]) {
        self.mode = mode
        self.result = result
        self.holds = holds
        self.lines = lines
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        mode = try fields.required("mode")
        result = try fields.required("result")
        holds = try fields.list("holds")
        lines = try fields.list("lines", max: Invoice.linesMax)
        try fields.finish()
    }

    package var json: JSONValue { .object(["mode": mode.json, "result": result.json, "holds": holds.json, "lines": lines.json]) }

    package var summary: MatchSummary { MatchSummary(mode: mode, result: result, lines: lines) }
}
