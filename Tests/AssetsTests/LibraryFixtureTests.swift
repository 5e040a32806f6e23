import Assets
import Glibc
import Kernel
import TestBasics
import Testing

/// Rooms that read no YAML test the library as JSON; the copies say what the library says.
@Suite("The library as JSON")
struct LibraryFixtureTests {
    @Test(
        "the copy of an asset is the asset",
        arguments: [
            "business-central", "erp-sandbox", "tryton", "accounts-payable", "payment-release", "ap-approval",
            "ap-duty-separation", "ap-payment-release", "ap-route", "ap-tolerances",
        ])
    func copies(name: String) throws {
        let loaded = ConfigurationTree.load("\(Checkout.root)/Tenants")
        let asset = try #require(
            loaded.tree.assets.first { [.connector, .workflow, .policy].contains($0.kind) && $0.name == name })
        let path = "\(Checkout.root)/Tests/Fixtures/library/\(name).json"
        let wanted = Array((asset.document.json.prettyText + "\n").utf8)
        if getenv("COUNTERSIGN_REWRITE") != nil {
            let file = try #require(fopen(path, "w"))
            #expect(fwrite(wanted, 1, wanted.count, file) == wanted.count)
            fclose(file)
        }
        let copy = try JSONValue(parsing: try FileBytes.read(path, maxBytes: 1_000_000))
        #expect(copy == asset.document.json, "run this test with COUNTERSIGN_REWRITE=1")
    }
}
