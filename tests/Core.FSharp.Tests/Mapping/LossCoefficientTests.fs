/// The coefficients of the auxiliary terms: the total, its gradients, why a plain one collapses and a bounded or balanced one cannot.
module MappingNets.Core.Tests.LossCoefficientTests

open Expecto
open TorchSharp
open MappingNets
open MappingNets.Core
open MappingNets.Core.Differentiation
open MappingNets.Core.NumericalDifferentiation
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.Refusals

let private rules stability smoothness alignment =
    LossOptions.TaskOnly.WithStability(stability).WithSmoothness(smoothness).WithAlignment alignment

let private off = LossOptions.TaskOnly
let private Off = LossCoefficient.Off
let private Fixed value = LossCoefficient.Fixed value
let private Bounded start = LossCoefficient.Bounded start
let private Plain start = LossCoefficient.Plain start
let private share = 0.02
let private Balanced start = LossCoefficient.Balanced(start, share)

let private none: LossTerms =
    { Stability = null
      Smoothness = null
      Alignment = null }

let private terms stability smoothness alignment : LossTerms =
    { Stability = scalar stability
      Smoothness = scalar smoothness
      Alignment = scalar alignment }

let private starts = [| 1.0; 0.1; 0.01 |]
let private sizes = [| 1e-6; 1.0; 1e3 |]

let private bounded =
    rules (Bounded starts[0]) (Bounded starts[1]) (Bounded starts[2])

[<Tests>]
let total =
    testList
        "the whole loss"
        [ test "without terms it is the task's loss" (fun () ->
              same "total" (scalar 2.5) (MappingLoss.total off null (scalar 2.5) none)
              Expect.equal (MappingLoss.trainableCount off) 0 "trained"
              Expect.equal (MappingLoss.current off null) [| 0.0; 0.0; 0.0 |] "coefficients")

          test "fixed coefficients: task + sum of lambda L" (fun () ->
              let actual =
                  MappingLoss.total (rules (Fixed 2.0) Off (Fixed 0.5)) null (scalar 1.0) (terms 3.0 100.0 4.0)

              same "total" (scalar 9.0) actual)

          test "coefficients of all rules together give the bits of each alone, gradients too" (fun () ->
              let alone = [ Balanced 0.2; Bounded 0.3; Balanced 5e-6 ]

              let places =
                  [ (fun rule -> rules rule Off Off)
                    (fun rule -> rules Off rule Off)
                    rules Off Off ]

              let all = rules alone[0] alone[1] alone[2]

              let single (number: float) =
                  torch.tensor (number, dtype = torch.float32)

              let terms: LossTerms =
                  { Stability = single 0.7
                    Smoothness = single 31.0
                    Alignment = single 412.5 }

              let starts = [| 0.3f; -1.1f; 0.04f |]
              let u = torch.tensor starts
              u.requires_grad <- true
              let total = MappingLoss.total all u (single 1.5) terms
              total.backward ()

              let mutable expected = single 1.5

              for index in 0..2 do
                  let own = torch.tensor [| starts[index] |]
                  own.requires_grad <- true
                  let part = MappingLoss.total (places[index]alone[index]) own (single 0.0) terms
                  part.backward ()
                  expected <- expected + part

                  Expect.equal
                      ((nonNull own.grad).ToSingle())
                      ((nonNull u.grad).[int64 index].ToSingle())
                      $"gradient {index}"

              Expect.equal (total.ToSingle()) (expected.ToSingle()) "total")

          test "a bounded one contributes start (exp(-s) L + s), s = ln 10 tanh u" (fun () ->
              let coefficients = rules (Bounded 0.2) (Fixed 3.0) (Bounded 0.1)
              let u = vector [ 0.4; -0.7 ]
              let s u = log 10.0 * tanh u

              let expected =
                  1.0
                  + 0.2 * (exp (-(s 0.4)) * 5.0 + s 0.4)
                  + 3.0 * 7.0
                  + 0.1 * (exp (-(s -0.7)) * 11.0 + s -0.7)

              Expect.equal (MappingLoss.trainableCount coefficients) 2 "trained"
              same "total" (scalar expected) (MappingLoss.total coefficients u (scalar 1.0) (terms 5.0 7.0 11.0))
              let current = vector (List.ofArray (MappingLoss.current coefficients u))
              same "now" (vector [ 0.2 * exp (-(s 0.4)); 3.0; 0.1 * exp (-(s -0.7)) ]) current)

          test "with u = 0 every coefficient is at its start" (fun () ->
              let u = torch.zeros (3L, torch.float64)
              Expect.equal (MappingLoss.current bounded u) starts "now"
              let expected = Array.map2 (*) starts [| 2.0; 3.0; 4.0 |] |> Array.sum
              same "total" (scalar expected) (MappingLoss.total bounded u (scalar 0.0) (terms 2.0 3.0 4.0)))

          test "a plain one contributes start exp(u) L" (fun () ->
              let coefficients = rules (Plain 0.2) Off (Plain 3.0)
              let u = vector [ 0.4; -0.7 ]
              let now = [| 0.2 * exp 0.4; 0.0; 3.0 * exp -0.7 |]
              same "now" (vector (List.ofArray now)) (vector (List.ofArray (MappingLoss.current coefficients u)))
              let expected = 1.0 + now[0] * 5.0 + now[2] * 11.0
              same "total" (scalar expected) (MappingLoss.total coefficients u (scalar 1.0) (terms 5.0 7.0 11.0)))

          test "a balanced one contributes lambda L and the loss of its own" (fun () ->
              let coefficients = rules Off (Balanced 0.3) Off
              let u = vector [ -1.5 ]
              let widest = log 1e6
              let lambda = 0.3 * exp (widest * tanh (-1.5 * log 10.0 / widest))

              let own (lambda: float) =
                  share * (sqrt (1.0 + log (lambda * 7.0 / share) ** 2.0) - 1.0)

              same "now" (vector [ 0.0; lambda; 0.0 ]) (vector (List.ofArray (MappingLoss.current coefficients u)))

              let total u term =
                  MappingLoss.total coefficients u (scalar 1.0) (terms 5.0 term 11.0)

              same "total" (scalar (1.0 + lambda * 7.0 + own lambda)) (total u 7.0)
              // The coefficient learns from its own loss alone, the term's weight is the coefficient alone.
              let step = 1e-6
              let slope = (own (lambda * exp step) - own (lambda * exp -step)) / (2.0 * step)
              let rate = log 10.0 * (1.0 - tanh (-1.5 * log 10.0 / widest) ** 2.0)
              near 1e-8 "u" (vector [ slope * rate ]) (grad (fun u -> total u 7.0) u)

              let ofTerm (term: torch.Tensor) =
                  MappingLoss.total
                      coefficients
                      u
                      (scalar 1.0)
                      { terms 5.0 7.0 11.0 with
                          Smoothness = term }

              same "term" (scalar lambda) (grad ofTerm (scalar 7.0)))

          test "a balanced total is never below the task's loss, whatever u and the terms are" (fun () ->
              let coefficients = rules (Balanced 1e-3) (Balanced 1.0) (Balanced 1e3)

              for u in [ -40.0; -3.0; 0.0; 0.7; 25.0 ] do
                  for size in [ 0.0; 1e-20; 1e-3; 1.0; 1e9 ] do
                      let raw = vector [ u; u; u ]
                      let value = MappingLoss.total coefficients raw (scalar 0.5) (terms size size size)
                      let value = value.ToDouble()
                      Expect.isTrue (System.Double.IsFinite value && value >= 0.5) $"u = {u}, L = {size}: {value}")

          test "gradients flow to u and to every term" (fun () ->
              let u = vector [ 0.3; -0.2; 0.9 ]

              let ofRaw u =
                  MappingLoss.total bounded u (scalar 1.0) (terms 2.0 3.0 4.0)

              let gradient = grad ofRaw u
              near 1e-9 "u" (numgrad 1e-5 ofRaw u) gradient
              Expect.all (numbers gradient) (fun slope -> slope <> 0.0) "none is cut off"

              let ofTerms (values: torch.Tensor) =
                  MappingLoss.total
                      bounded
                      u
                      values[0L]
                      { Stability = values[1L]
                        Smoothness = values[2L]
                        Alignment = values[3L] }

              // Each term's weight in the total is its coefficient now.
              let expected = vector (1.0 :: List.ofArray (MappingLoss.current bounded u))
              same "terms" expected (grad ofTerms (vector [ 1.0; 2.0; 3.0; 4.0 ]))) ]

let private adam (rate: float) (raw: TorchSharp.Modules.Parameter) : torch.optim.Optimizer =
    torch.optim.Adam([ raw ], lr = rate)

let private gradientDescent (rate: float) (raw: TorchSharp.Modules.Parameter) : torch.optim.Optimizer =
    torch.optim.SGD([ raw ], rate)

/// Trains three numbers that start at 0 for 500 steps, and collects what `read` sees after each.
let private train makeOptimiser (loss: torch.Tensor -> torch.Tensor) (read: torch.Tensor -> float[]) =
    use raw = new TorchSharp.Modules.Parameter(torch.zeros 3L)
    use optimiser: torch.optim.Optimizer = makeOptimiser raw

    [| for _ in 1..500 do
           use _ = torch.NewDisposeScope()
           optimiser.zero_grad ()
           (loss raw).backward ()
           optimiser.step () |> ignore
           read raw |]

let private trainCoefficients makeOptimiser coefficients terms =
    train
        makeOptimiser
        (fun u -> MappingLoss.total coefficients u (torch.tensor 0.0) terms)
        (MappingLoss.current coefficients)

[<Tests>]
let collapse =
    let extreme = terms sizes[0] sizes[1] sizes[2]

    testList
        "500 steps with terms of 1e-6, 1 and 1e3"
        [ for name, makeOptimiser in [ "Adam", adam 0.5; "gradient descent", gradientDescent 1.0 ] do
              test $"no bounded coefficient leaves [start / 10, 10 start] under {name}" (fun () ->
                  for coefficients in trainCoefficients makeOptimiser bounded extreme do
                      for coefficient, start in Array.zip coefficients starts do
                          Expect.isGreaterThan coefficient (start / 10.0 * (1.0 - 1e-6)) "lower end"
                          Expect.isLessThan coefficient (start * 10.0 * (1.0 + 1e-6)) "upper end")

          test "they settle near start / L, as far as the bound lets them" (fun () ->
              let last = trainCoefficients (adam 0.5) bounded extreme |> Array.last

              for ratio, expected in Array.zip (Array.map2 (/) last starts) [| 10.0; 1.0; 0.1 |] do
                  Expect.isLessThan (abs (ratio / expected - 1.0)) 0.02 $"{ratio} beside {expected}")

          test "between the bounds a coefficient finds start / L" (fun () ->
              let last = trainCoefficients (adam 0.1) bounded (terms 0.4 2.0 5.0) |> Array.last

              for ratio, expected in Array.zip (Array.map2 (/) last starts) [| 2.5; 0.5; 0.2 |] do
                  Expect.isLessThan (abs (ratio / expected - 1.0)) 1e-3 $"{ratio} beside {expected}")

          for name, makeOptimiser in
              [ "Adam at 0.5", adam 0.5
                "Adam at 0.01", adam 0.01
                "gradient descent", gradientDescent 1.0 ] do
              test $"balanced coefficients hold every term at its share under {name}" (fun () ->
                  let balanced = rules (Balanced starts[0]) (Balanced starts[1]) (Balanced starts[2])
                  let course = trainCoefficients makeOptimiser balanced extreme

                  let contributions = Array.map2 (*) (Array.last course) sizes

                  for contribution in contributions do
                      Expect.isLessThan (abs (log10 (contribution / share))) 0.6 "near its share"

                  Expect.isLessThan (Array.max contributions / Array.min contributions) 10.0 "within a decade"

                  // None runs past its aim on the way, where a huge term would undo what was learnt.
                  for coefficients in course do
                      for coefficient, size in Array.zip coefficients sizes do
                          let furthest = max (abs (log10 (1e-6 / share))) 5.0
                          Expect.isLessThan (abs (log10 (coefficient * size / share))) furthest "on the way")

          test "plain coefficients collapse to below a thousandth of their starts" (fun () ->
              let plain = rules (Plain starts[0]) (Plain starts[1]) (Plain starts[2])
              let last = trainCoefficients (adam 0.5) plain extreme |> Array.last

              for ratio in Array.map2 (/) last starts do
                  Expect.isLessThan ratio 1e-3 "share of the start")

          test "a naive free lambda = start exp(u) collapses in the same test" (fun () ->
              // The form of the re-run, whose coefficients fell to 1e-8: lambda L, with nothing to pay for a small lambda.
              let weights, values =
                  torch.tensor (Array.map float32 starts), torch.tensor (Array.map float32 sizes)

              let naive (raw: torch.Tensor) = weights * raw.exp ()

              let last =
                  train (adam 0.5) (fun raw -> (naive raw * values).sum ()) (fun raw ->
                      numbers ((naive raw).detach().to_type torch.float64))
                  |> Array.last

              for ratio in Array.map2 (/) last starts do
                  Expect.isLessThan ratio 1e-3 "share of the start") ]

[<Tests>]
let refusals =
    let total coefficients raw terms =
        fun () -> MappingLoss.total coefficients raw (scalar 1.0) terms |> ignore

    testList
        "coefficients refuse"
        [ refuses "a term that is on without a value" "terms" "smoothness" (total (rules Off (Fixed 1.0) Off) null none)
          refuses "u where none is trained" "raw" "0 trainable" (fun () -> total off (torch.zeros 1L) none ())
          refuses "u of another length" "raw" "(3)" (fun () -> total bounded (torch.zeros 2L) (terms 1.0 1.0 1.0) ())
          refuses "no u where some are trained" "raw" "(3)" (fun () -> total bounded null (terms 1.0 1.0 1.0) ())
          refuses "no u to read them from" "raw" "(3)" (fun () -> MappingLoss.current bounded null |> ignore)
          refuses "a fixed one that is no number" "value" "NaN" (fun () -> Fixed nan |> ignore)
          refuses "a fixed one below 0" "value" "-0.5" (fun () -> Fixed -0.5 |> ignore)
          refuses "a share of 0" "share" "positive" (fun () -> LossCoefficient.Balanced(1.0, 0.0) |> ignore)
          for start in [ 0.0; -1.0; nan; infinity ] do
              for name, create in [ "bounded", Bounded; "plain", Plain; "balanced", Balanced ] do
                  refuses $"a {name} one that starts at {start}" "start" $"{start}" (fun () -> create start |> ignore) ]
