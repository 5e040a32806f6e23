/// One of the values that a field offers.
package struct FieldChoice: Sendable {
    package let value: String
    package let label: String

    package init(value: String, label: String) {
        self.value = value
        self.label = label
    }
}
