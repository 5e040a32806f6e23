import Kernel
import Testing

@testable import Assets

@Suite("Rollouts, as a folder has them")
struct RolloutFileTests {
    private static let rollout = "tenants/mill/rollouts/pay.yaml"
    private static let candidate = "operator/library/candidates/pay.yaml"

    private func issues(
        candidate version: String = "2", named: String = "2", more: String = "", hasCandidate: Bool = true
    ) -> [LocatedIssue] {
        var changes: [String: String?] = [
            RolloutFileTests.rollout: """
            kind: rollout
            name: pay
            candidate: "\(named)"
            stage: shadow
            \(more)
            """
        ]
        if hasCandidate {
            changes[RolloutFileTests.candidate] = WorkflowSample.text.replacing("version: \"1\"", with: "version: \"\(version)\"")
        }
        return SampleTree.issues(changes)
    }

    @Test("a version that is tried stands beside the live one, and is told apart from it")
    func sound() {
        #expect(issues().isEmpty, "\(issues())")
    }

    @Test("a version that is not there, another number and a misspelt member are told with file and line")
    func broken() {
        let missing = issues(hasCandidate: false)
        #expect(missing.map(\.file) == [RolloutFileTests.rollout] && missing[0].line == 3, "\(missing)")
        let other = issues(named: "3")
        #expect(other.map(\.line) == [3] && other[0].message.contains("has version 2, not 3"), "\(other)")
        let same = issues(candidate: "1", named: "1")
        #expect(same.map(\.file) == [RolloutFileTests.candidate], "\(same)")
        let misspelt = issues(more: "shre: 10")
        #expect(misspelt.map(\.line) == [5] && misspelt[0].remedy.contains("share"), "\(misspelt)")
        let when = issues(more: "when: case.currency ==")
        #expect(when.map(\.line) == [5], "\(when)")
    }
}
