package import Kernel

/// Something a check says about a document: which rule, how grave, where, and the figures it saw.
///
/// The rule set and its version stand beside the rule, because verdicts change with the rule sets: a sample that was correct
/// last year may fail today's lists, and an auditor asks which edition was used.
package struct Finding: Hashable, Sendable, JSONCoded {
    package enum Severity: String, Sendable, CaseIterable, JSONCoded {
        /// The document cannot be paid as it stands.
        case fatal
        /// A person should know.
        case warning
    }

    /// `BR-CO-10`, `TAX_ID`, `DOC_INVALID` and so on.
    package var rule: String
    package var ruleSet: String?
    package var severity: Severity
    /// A sentence for a person, with the figures in it.
    package var message: String
    /// The business term of EN 16931 it is about, such as `BT-106`.
    package var term: String?
    /// Where in the file: an element path such as `/Invoice/LegalMonetaryTotal/LineExtensionAmount`.
    package var path: String?
    /// From 1.
    package var line: Int?
    /// From 1, in characters.
    package var column: Int?
    package var expected: String?
    package var actual: String?

    package init(
        rule: String, ruleSet: String? = nil, severity: Severity, message: String, term: String? = nil, path: String? = nil,
        line: Int? = nil, column: Int? = nil, expected: String? = nil, actual: String? = nil
    ) {
        self.rule = rule
        self.ruleSet = ruleSet
        self.severity = severity
        self.message = message
        self.term = term
        self.path = path
        self.line = line
        self.column = column
        self.expected = expected
        self.actual = actual
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        rule = try fields.required("rule")
        ruleSet = try fields.optional("ruleSet")
        severity = try fields.required("severity")
        message = try fields.required("message")
        term = try fields.optional("term")
        path = try fields.optional("path")
        line = try fields.optional("line")
        column = try fields.optional("column")
        expected = try fields.optional("expected")
        actual = try fields.optional("actual")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "rule": .string(rule), "ruleSet": ruleSet?.json, "severity": severity.json, "message": .string(message),
            "term": term?.json, "path": path?.json, "line": line?.json, "column": column?.json, "expected": expected?.json,
            "actual": actual?.json,
        ])
    }
}
