namespace Expecto

/// Comparisons that NaN fails. Expecto refuses what is larger, and NaN is not.
[<AutoOpen>]
module NumberExpectations =

    module Expect =

        let inline private require holds (actual: 'T) what (bound: 'T) message =
            if not holds then
                failtest $"{message}. {actual} should be {what} {bound}."

        let inline isLessThan (actual: 'T) (bound: 'T) message =
            require (actual < bound) actual "less than" bound message

        let inline isLessThanOrEqual (actual: 'T) (bound: 'T) message =
            require (actual <= bound) actual "at most" bound message

        let inline isGreaterThan (actual: 'T) (bound: 'T) message =
            require (actual > bound) actual "greater than" bound message

        let inline isGreaterThanOrEqual (actual: 'T) (bound: 'T) message =
            require (actual >= bound) actual "at least" bound message
