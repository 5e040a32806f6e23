import Kernel
import Testing

@testable import Assets

@Suite("Reading YAML")
struct YAMLReaderTests {
    @Test("plain files become JSON with their places")
    func plain() throws {
        let read = YAMLReader.read(Array("a: 1\nb:\n  - x\n  - \"y\"\n".utf8), path: "t.yaml")
        let document = try #require(read.document)
        #expect(document.json == ["a": 1, "b": ["x", "y"]])
        #expect(document.mark(for: "/b/1") == Mark(line: 4, column: 5))
    }
}
