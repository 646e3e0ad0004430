/// The coefficients of the auxiliary terms: the total, its gradients, and why a trainable one cannot collapse.
module MappingNets.Core.Tests.LossCoefficientTests

open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Differentiation
open MappingNets.Core.NumericalDifferentiation
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.Refusals

let private rules stability smoothness alignment : LossCoefficients =
    { Stability = stability
      Smoothness = smoothness
      Alignment = alignment }

let private off = rules Off Off Off

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

let private trainable =
    rules (Trainable starts[0]) (Trainable starts[1]) (Trainable starts[2])

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
                  MappingLoss.total (rules (Fixed 2.0) Off (Fixed -0.5)) null (scalar 1.0) (terms 3.0 100.0 4.0)

              same "total" (scalar 5.0) actual)

          test "a trainable one contributes start (exp(-s) L + s), s = ln 10 tanh u" (fun () ->
              let coefficients = rules (Trainable 0.2) (Fixed 3.0) (Trainable 0.1)
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
              Expect.equal (MappingLoss.current trainable u) starts "now"
              let expected = Array.map2 (*) starts [| 2.0; 3.0; 4.0 |] |> Array.sum
              same "total" (scalar expected) (MappingLoss.total trainable u (scalar 0.0) (terms 2.0 3.0 4.0)))

          test "gradients flow to u and to every term" (fun () ->
              let u = vector [ 0.3; -0.2; 0.9 ]

              let ofRaw u =
                  MappingLoss.total trainable u (scalar 1.0) (terms 2.0 3.0 4.0)

              let gradient = grad ofRaw u
              near 1e-9 "u" (numgrad 1e-5 ofRaw u) gradient
              Expect.all (numbers gradient) (fun slope -> slope <> 0.0) "none is cut off"

              let ofTerms (values: torch.Tensor) =
                  MappingLoss.total
                      trainable
                      u
                      values[0L]
                      { Stability = values[1L]
                        Smoothness = values[2L]
                        Alignment = values[3L] }

              // Each term's weight in the total is its coefficient now.
              let expected = vector (1.0 :: List.ofArray (MappingLoss.current trainable u))
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
              test $"no trainable coefficient leaves [start / 10, 10 start] under {name}" (fun () ->
                  for coefficients in trainCoefficients makeOptimiser trainable extreme do
                      for coefficient, start in Array.zip coefficients starts do
                          Expect.isGreaterThan coefficient (start / 10.0 * (1.0 - 1e-6)) "lower end"
                          Expect.isLessThan coefficient (start * 10.0 * (1.0 + 1e-6)) "upper end")

          test "they settle near start / L, as far as the bound lets them" (fun () ->
              let last = trainCoefficients (adam 0.5) trainable extreme |> Array.last

              for ratio, expected in Array.zip (Array.map2 (/) last starts) [| 10.0; 1.0; 0.1 |] do
                  Expect.isLessThan (abs (ratio / expected - 1.0)) 0.02 $"{ratio} beside {expected}")

          test "between the bounds a coefficient finds start / L" (fun () ->
              let last = trainCoefficients (adam 0.1) trainable (terms 0.4 2.0 5.0) |> Array.last

              for ratio, expected in Array.zip (Array.map2 (/) last starts) [| 2.5; 0.5; 0.2 |] do
                  Expect.isLessThan (abs (ratio / expected - 1.0)) 1e-3 $"{ratio} beside {expected}")

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
          refuses "u of another length" "raw" "(3)" (fun () -> total trainable (torch.zeros 2L) (terms 1.0 1.0 1.0) ())
          refuses "no u where some are trained" "raw" "(3)" (fun () -> total trainable null (terms 1.0 1.0 1.0) ())
          refuses "no u to read them from" "raw" "(3)" (fun () -> MappingLoss.current trainable null |> ignore)
          refuses "a fixed one that is no number" "coefficients" "NaN" (total (rules (Fixed nan) Off Off) null none)
          for start in [ 0.0; -1.0; nan; infinity ] do
              refuses
                  $"a trainable one that starts at {start}"
                  "coefficients"
                  $"alignment term starts at {start}"
                  (fun () -> MappingLoss.trainableCount (rules Off Off (Trainable start)) |> ignore) ]
