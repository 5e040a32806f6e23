/// Small library documents that the sample tree relies on.
enum WorkflowSample {
    static let text = """
        kind: workflow
        name: pay
        version: "1"
        title: Pay
        outcomes: [posted]
        outcome: "'posted'"
        do:
          - decide:
              call: policy.decide
              with:
                policy: who-signs
                input: {amount: "${input.case.gross.amount}", currency: EUR}
          - post:
              call: erp.write
              measure:
                exit:
                  - stop: approval-cycle
              with:
                connection: erp
                object: bill
                bill: "${input.invoice}"
                key: {number: "1"}

        """
}

enum PolicySample {
    static let text = """
        kind: approval-matrix
        name: who-signs
        version: "1"
        title: Who signs
        rows:
          - id: large
            label: Above a thousand
            over: "1000.00"
            steps:
              - role: approver
                quorum: 2
                label: Two approvers
        otherwise:
          label: Up to a thousand
          steps:
            - role: approver
              quorum: 1
              label: One approver
        tests:
          - name: a small invoice needs one signature
            input: {amount: "10.00", currency: EUR}
            expect:
              rules: [otherwise]

        """
}

enum ConnectorSample {
    static let text = """
        kind: connector
        name: ledger
        version: "1"
        title: Ledger
        auth: {kind: bearer, secret: token}
        answers: {}
        objects:
          supplier:
            find:
              - keys: [vatId]
                path: /suppliers
                query: {vat: "{key.vatId}"}
            map: {name: $.name}

        """
}
