import Kernel
import Policies
import Testing

@testable import Workflows

@Suite("Workflow definitions")
struct DefinitionTests {
    @Test("the accounts-payable workflow is published without an issue")
    func libraryIsClean() throws {
        let definition = try Library.workflow()
        #expect(definition.name == "accounts-payable")
        #expect(definition.policies == ["ap-approval", "ap-duty-separation", "ap-route", "ap-tolerances"])
        #expect(definition.connections == ["erp"])
        #expect(definition.objectives == ["approval-cycle", "posting"])
        #expect(definition.roles == ["ap-clerk", "controller"])
    }
}
