"""A box with funded accounts, spoken to by Python senders: the common start of tests that choose every byte themselves."""
import re

import box
import client
from client import wire

E8 = 10 ** 8
START_NS = 1767225600 * 10 ** 9  # 2026-01-01
BTC_SPOT, ETH_SPOT, BTC_PERP, ETH_PERP, SOL_PERP = range(5)  # instruments of config/demo.yaml, in its order
DERIBIT = 0
PRICES = {0: 60000, 1: 3000, 2: 150, 3: 1}  # factors
SENDERS = ["ORACLE0", "OPERATOR", "TRADER0", "VENUE0", "CUSTETH", "CUSTARB"]
TRADER0 = 2  # index of the session


class Market:
    """config/demo.yaml with other capacities. So many accounts are opened for TRADER0, each with a million USD."""

    def __init__(self, opened, **capacity):
        def edit(text):
            for key, value in capacity.items():
                text, found = re.subn(rf"^  {key}: \d+", f"  {key}: {value}", text, flags=re.M)
                assert found == 1, f"no capacity {key}"
            return text
        self.run = box.Run(config="demo", edit=edit)
        self.run.start()
        text = self.run.config.read_text()
        self.sender = {name: client.Sender(text, name) for name in SENDERS}
        self.now = START_NS
        self.tick()
        for account in range(opened):
            self["OPERATOR"].say("AccountOpen", account=account, owner=TRADER0)
        self["OPERATOR"].durable()
        for account in range(opened):
            self["CUSTETH"].say("Deposit", deposit_id=account + 1, account=account, qty_e8=10 ** 6 * E8)
        self["CUSTETH"].durable()

    def __getitem__(self, name):
        return self.sender[name]

    def tick(self):
        """Another second, with a fresh price of everything from every source."""
        self.now += 10 ** 9
        oracle = self["ORACLE0"]
        oracle.say("OracleHeartbeat", source_time_ns=self.now)
        oracle.send(*[wire.encode("Price", factor=f, source=s, price_e8=p * E8, source_time_ns=self.now)
                      for f, p in PRICES.items() for s in range(3)])
        oracle.durable()

    def check(self, request_id, account=0, instrument=BTC_PERP, qty_e8=E8 // 100, limit=60000, venue=DERIBIT):
        """Asks for a margin check. Returns (reason, the whole answer)."""
        self["TRADER0"].say("MarginCheck", request_id=request_id, account=account, instrument=instrument, venue=venue,
                            qty_e8=qty_e8, limit_e8=int(limit * E8))
        answer = self["TRADER0"].answer("MarginCheckReply", request_id)
        return client.reason_of(answer), answer

    def withdraw(self, request_id, account=0, asset=0, chain=0, qty_e8=100 * E8):
        self["TRADER0"].say("Withdrawal", request_id=request_id, account=account, asset=asset, chain=chain,
                            qty_e8=qty_e8)
        return client.reason_of(self["TRADER0"].answer("WithdrawalReply", request_id))

    def released(self, request_id, custodian="CUSTETH", outcome=1):
        """The custodian gets the release of a request, and reports what became of it."""
        release = self[custodian].wait(f"release {request_id}",
                                       lambda n, f: n == "Release" and f["request_id"] == request_id)
        self[custodian].say("ReleaseResult", action_hi=release["action_hi"], action_lo=release["action_lo"],
                            outcome=outcome)
        self[custodian].durable()

    def trade(self, account, instrument, qty_e8, price=None):
        """Returns None, or the reason for which the trade was refused."""
        venue = self["VENUE0"]
        price = price if price is not None else 60000
        sequence = venue.say("Trade", trade_id=venue.next, account=account, instrument=instrument, venue=DERIBIT,
                             qty_e8=qty_e8, price_e8=price * E8)
        return self.outcome("VENUE0", sequence)

    def outcome(self, name, sequence):
        """None when the message of that sequence was applied, else the reason it was refused for."""
        sender = self[name]
        sender.durable()
        for i, (message, fields) in enumerate(sender.received):
            if message == "Refused" and fields["session_seq"] == sequence:
                del sender.received[i]
                return client.reason_of(fields)
        return None

    def stop(self):
        """Stops the box; its last report. The replay must come to the same state, and the journal be whole."""
        stopped = self.run.stop()
        again = self.run.replay()
        assert again["state_digest"] == stopped["state_digest"], (again, stopped)
        self.run.command("verify", self.run.data, check=0)
        return stopped

    def close(self):
        for sender in self.sender.values():
            sender.close()
        self.run.close()
