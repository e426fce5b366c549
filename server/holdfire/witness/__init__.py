"""The witness: signs that a log has only grown since it looked last, for anybody who asks.

C2SP tlog-witness and tlog-cosignature. ``ledger.submission`` is what a log sends, ``logs`` whose
checkpoints are cosigned, ``state`` what was cosigned last, ``key`` what signs; ``cosigner`` decides,
and ``service`` is the two addresses it is asked at. It needs no record store and no site: two
owners who witness each other each run one, beside their service.
"""
