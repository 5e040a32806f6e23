"""A walk through the Counting House as a connector takes it: a session, reading in pages, a bill entered and released."""
from front_door import ask
from wire import Wire


class HouseWalk:
    def __init__(self, ready, findings, directory):
        self.facts = ready["databases"]["brightwater-foods"]
        self.wire = Wire(ready["url"], directory)
        self.expect = findings.expect
        self.headers = {}

    def run(self):
        self.sign_in()
        self.read()
        self.post_a_bill()
        self.rotation()

    def call(self, method, path, value=None, name=None):
        return self.wire.call(method, f"/{self.facts['name']}{path}", value, self.headers, name)

    def session(self, password, company="DE01"):
        return self.call("POST", "/session", {"company": company, "user": self.facts["login"], "password": password})

    def sign_in(self):
        self.expect(self.call("GET", "/company").status == 440, "without a session there is nothing to see")
        wrong = self.session("wrong")
        self.expect(wrong.status == 401, "a wrong password is refused", wrong)
        nowhere = self.session(self.facts["password"], "XX99")
        self.expect(nowhere.json["errors"][0]["code"] == "COMPANY", "and so is a company that does not exist", nowhere)
        answer = self.session(self.facts["password"])
        self.wire.conceal(answer.json["session"], "SESSION")
        self.headers = {"Cookie": f"CHSESSION={answer.json['session']}"}
        self.expect(self.call("GET", "/company").json["code"] == "DE01", "a session is in its company")

    def read(self):
        rows, target = [], "/suppliers?rows=2"
        while target:
            page = self.call("GET", target).json
            rows += page["rows"]
            target = f"/suppliers?rows=2&after={page['after']}" if "after" in page else None
        self.expect(len({row["code"] for row in rows}) == len(rows) > 2, "a list goes on after its token", len(rows))
        order = self.call("GET", "/orders?no=PO-1001").json["rows"][0]
        self.expect((order["lines"][0]["pos"], order["lines"][0]["net"]) == (10, 420000), "lines in tens, amounts in cents")
        unknown = self.call("GET", "/suppliers?colour=red")
        self.expect(unknown.status == 400, "nobody is asked by what it does not know", unknown)

    def post_a_bill(self):
        bill = {
            "supplier": "S-1002", "ref": "WALK-1", "kind": "I", "day": "05.10.2026", "currency": "EUR", "control": 301, "lines": [
                {"text": "Faltkarton", "account": "60300", "quantity": 3000, "price": 8450, "tax": "T19"}]}
        wrong = self.call("POST", "/bills", bill)
        self.expect(wrong.json["errors"][0]["code"] == "CONTROL", "a bill whose control total is wrong is refused", wrong)
        made = self.call("POST", "/bills", {**bill, "control": 302})
        self.expect(made.status == 201, "with the right one it is entered", made)
        place = f"/bills/{made.json['id']}"
        stale = self.call("POST", place + "/release", {"rev": 7})
        self.expect(stale.status == 409, "it is released under its revision only", stale)
        self.expect(self.call("POST", place + "/release", {"rev": 1}).json["state"] == "R", "and then it is in the ledger")
        twice = self.call("POST", "/bills", {**bill, "control": 302})
        double = self.call("POST", f"/bills/{twice.json['id']}/release", {"rev": 1})
        self.expect(double.json["errors"][0]["code"] == "DOUBLE", "a number of a supplier is released once", double)

    def rotation(self):
        ask(self.facts["control"] + "/expire-key", "POST", {})
        self.expect(self.call("GET", "/company").status == 440, "a session that has ended is told by its own status")
        fresh = ask(self.facts["control"] + "/rotate-password", "POST", {})["password"]
        self.expect(self.session(self.facts["password"]).status == 401, "after a new password the old one is refused")
        self.expect(self.session(fresh).status == 200, "and the new one is good")
