import Kernel
import Testing

@testable import Assets

@Suite("A configuration folder")
struct TreeTests {
    @Test("the sample folder has nothing wrong")
    func sample() {
        let issues = SampleTree.issues()
        #expect(issues.isEmpty, "\(issues.map(\.description).joined(separator: "\n"))")
    }

    @Test("the committed folder has nothing wrong")
    func committed() {
        let loaded = ConfigurationTree.load("\(TestPlaces.project)/Tenants")
        #expect(loaded.issues.isEmpty, "\(loaded.issues.map(\.description).joined(separator: "\n"))")
    }
}
