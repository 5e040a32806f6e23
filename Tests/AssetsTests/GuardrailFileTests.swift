import Assets
import Kernel
import Tenancy
import Testing

@Suite("Guardrails as files")
struct GuardrailFileTests {
    private static func file(days: Int, effect: String = "hold", more: String = "") -> String {
        """
        kind: guardrails
        name: house-guardrails
        version: "1.0"
        title: House
        rules:
          - id: cooling
            label: The account has just changed
            check: cooling-off
            days: \(days)
            effect: \(effect)
            reason: Call the supplier.
        \(more)
        tests:
          - name: the day before the last
            input: {act: payment, accountDays: \(days - 1), invoice: {}}
            expect: {outcome: {effect: \(effect), approvals: []}}

        """
    }

    private static let upper = "operator/library/policies/house-guardrails.yaml"
    private static let partner = "partners/north/policies/house-guardrails.yaml"
    private static let tenant = "tenants/mill/policies/house-guardrails.yaml"

    @Test("each level may be stricter than the one above")
    func tightened() {
        let loaded = SampleTree.load([
            Self.upper: Self.file(days: 5), Self.partner: Self.file(days: 7),
            Self.tenant: Self.file(days: 7, effect: "forbid"),
        ])
        #expect(loaded.issues.isEmpty, "\(loaded.issues)")
    }

    @Test("a looser rule is told with its file and line, against every level above")
    func loosened() throws {
        let loaded = SampleTree.load([
            Self.upper: Self.file(days: 5), Self.partner: Self.file(days: 7), Self.tenant: Self.file(days: 4),
        ])
        #expect(loaded.issues.count == 2)
        for issue in loaded.issues {
            #expect(issue.file.hasSuffix(Self.tenant))
            #expect(issue.line == 9)
            #expect(issue.message.contains("cannot be loosened here"))
        }
    }

    @Test("a condition is held to the canonical invoice, and a role to the operator's file")
    func typed() throws {
        let rules = """
              - id: kinds
                label: Kinds
                check: condition
                when: invoice.knid == 'invoice'
                effect: approval
                role: controler
                reason: Look.
            """
        func messages(_ rules: String) -> [String] {
            SampleTree.load([Self.upper: Self.file(days: 5, more: rules)]).issues.map(\.message)
        }
        #expect(messages(rules).contains { $0.contains("knid") })
        let typed = messages(rules.replacing("knid", with: "kind"))
        #expect(typed.contains { $0.contains("controler") }, "\(typed)")
    }

    @Test("guardrails that fail their own tests fail the check")
    func failing() {
        let text = Self.file(days: 5).replacing("accountDays: 4", with: "accountDays: 5")
        let loaded = SampleTree.load([Self.upper: text])
        #expect(loaded.issues.map(\.message).contains { $0.contains("the day before the last") })
    }
}
