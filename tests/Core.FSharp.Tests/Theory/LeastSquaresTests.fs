module MappingNets.Core.Tests.LeastSquaresTests

open System
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

[<Tests>]
let tests =
    testList
        "Least squares"
        [ property "LSQR gives A^+ b, the least-norm solution, for any rank" (fun random ->
              let rows, columns = random.NextInt64(1L, 20L), random.NextInt64(1L, 12L)
              let rank = random.NextInt64(1L, 1L + min rows columns)

              let matrix =
                  (uniform random (rows * rank))
                      .view(rows, rank)
                      .mm ((uniform random (rank * columns)).view (rank, columns))

              let rightSide = uniform random rows
              let found = LeastSquares.solve 1e-13 500 (LinearMap.ofMatrix matrix) rightSide
              let truth = torch.linalg.pinv(matrix, rtol = 1e-9).mv rightSide
              let values = torch.linalg.svdvals(matrix).data<float>().ToArray()
              let condition = values[0] / values[int rank - 1]
              // A badly conditioned matrix may answer for it.
              if condition < 1e3 then
                  near 1e-6 "A^+ b" truth found.Solution
                  Expect.isTrue found.Converged "converged")

          property "Lanczos finds the extreme singular values exactly in n steps, from inside in fewer" (fun random ->
              let columns = random.NextInt64(1L, 12L)
              let matrix = (uniform random (20L * columns)).view (20L, columns)
              let values = torch.linalg.svdvals(matrix).data<float>().ToArray()
              let key = CounterHash.ofSeed 1UL
              let all = LeastSquares.singularValues 20 key matrix (LinearMap.ofMatrix matrix)
              Expect.isTrue all.IsComplete "complete"
              Expect.floatClose Accuracy.high all.Largest (Array.max values) "largest"
              Expect.floatClose Accuracy.high all.Smallest (Array.min values) "smallest"
              let few = LeastSquares.singularValues 2 key matrix (LinearMap.ofMatrix matrix)
              Expect.isLessThanOrEqual few.Largest (Array.max values + 1e-9) "from inside"
              Expect.isGreaterThanOrEqual few.Smallest (Array.min values - 1e-9) "from inside")

          test "bad options and right sides are refused" (fun () ->
              let map = LinearMap.ofMatrix (torch.ones ([| 3L; 2L |], dtype = torch.float64))
              let ones = torch.ones (3L, dtype = torch.float64)
              raises<ArgumentException> [ "tolerance" ] (fun () -> LeastSquares.solve 0.0 5 map ones |> ignore)
              raises<ArgumentException> [ "maximumIterations" ] (fun () -> LeastSquares.solve 0.1 0 map ones |> ignore)
              raises<ArgumentException> [ "rightSide" ] (fun () -> LeastSquares.solve 0.1 5 map (ones * nan) |> ignore)) ]
