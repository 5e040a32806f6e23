/// A YAML text by itself, outside a configuration folder, under the same strict rules.
package enum YAMLSource {
    /// The document, or what is wrong with the text and where.
    package static func read(_ bytes: [UInt8], path: String) -> (document: AssetDocument?, issues: [LocatedIssue]) {
        YAMLReader.read(bytes, path: path)
    }
}
