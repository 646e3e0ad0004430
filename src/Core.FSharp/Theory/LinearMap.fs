namespace MappingNets.Core

open System
open System.Collections.Generic
open TorchSharp

[<ReferenceEquality>]
[<StructuredFormatDisplay("{Text}")>]
type LinearMap =
    { Rows: int64
      Columns: int64
      Apply: torch.Tensor -> torch.Tensor
      TransposeApply: torch.Tensor -> torch.Tensor }

    member private map.Text = map.ToString()

    override map.ToString() =
        $"a linear map ({map.Rows}, {map.Columns})"

module LinearMap =

    let ofMatrix (matrix: torch.Tensor) =
        if matrix.dim () <> 2L then
            raise (ArgumentException($"The shape is {shapeText matrix.shape}; a matrix has two sizes.", nameof matrix))

        { Rows = matrix.shape[0]
          Columns = matrix.shape[1]
          Apply = fun vector -> matrix.mv vector
          TransposeApply = fun vector -> matrix.t().mv vector }

    let toMatrix (like: torch.Tensor) (map: LinearMap) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let identity = torch.eye (map.Columns, dtype = like.dtype, device = like.device)

        let columns =
            Array.init (int map.Columns) (fun column -> map.Apply identity[int64 column])

        torch.stack(columns, 1L).MoveToOuterDisposeScope()

type LeastSquaresSolution =
    { Solution: torch.Tensor
      Iterations: int
      Converged: bool
      NormalResidual: float }

type SingularValues =
    { Largest: float
      Smallest: float
      IsComplete: bool }

module LeastSquares =

    let private norm (vector: torch.Tensor) =
        use result = vector.norm ()
        result.ToDouble()

    /// The vector over its length, and the length; a vector of zeros stays as it is.
    let private normalise (vector: torch.Tensor) =
        let length = norm vector

        if length > 0.0 then
            struct (vector / length.ToScalar(), length)
        else
            struct (vector, 0.0)

    let private atLeastOne (argument: string) (value: int) =
        if value < 1 then
            raise (ArgumentOutOfRangeException(argument, value, "It must be at least 1."))

    let solve tolerance maximumIterations (map: LinearMap) (rightSide: torch.Tensor) =
        if not (tolerance > 0.0 && tolerance < 1.0) then
            raise (
                ArgumentOutOfRangeException(nameof tolerance, tolerance, "The tolerance must be above 0 and below 1.")
            )

        atLeastOne (nameof maximumIterations) maximumIterations
        requireFinite (nameof rightSide) map.Rows rightSide
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let struct (start, length) = normalise rightSide
        let mutable left = start
        let struct (first, firstAlpha) = normalise (map.TransposeApply start)
        let mutable right = first
        let mutable alpha = firstAlpha
        let mutable direction = first
        let mutable solution = torch.zeros_like first
        // phi is the residual's norm, rho the diagonal entry of the bidiagonal matrix that the next rotation works on.
        let mutable phi = length
        let mutable rho = alpha
        let mutable squaredNorm = alpha * alpha
        let mutable normal = if length = 0.0 || alpha = 0.0 then 0.0 else 1.0
        let mutable iterations = 0

        let isDone () =
            phi <= tolerance * length || normal <= tolerance

        while not (isDone ()) && iterations < maximumIterations do
            use inner = torch.NewDisposeScope()
            iterations <- iterations + 1

            let struct (nextLeft, beta) = normalise (map.Apply right - left * alpha.ToScalar())

            let struct (nextRight, nextAlpha) =
                normalise (map.TransposeApply nextLeft - right * beta.ToScalar())

            let rotated = sqrt (rho * rho + beta * beta)
            let cosine, sine = rho / rotated, beta / rotated
            let theta = sine * nextAlpha
            let step = cosine * phi / rotated
            let nextSolution = solution + direction * step.ToScalar()
            let nextDirection = nextRight - direction * (theta / rotated).ToScalar()
            squaredNorm <- squaredNorm + beta * beta + nextAlpha * nextAlpha
            phi <- sine * phi
            rho <- -cosine * nextAlpha
            // ||A^T r|| = phi alpha |c|.
            normal <- abs (nextAlpha * cosine) / sqrt squaredNorm
            alpha <- nextAlpha

            for former in [ left; right; solution; direction ] do
                if not (obj.ReferenceEquals(former, rightSide)) then
                    former.Dispose()

            left <- nextLeft.MoveToOuterDisposeScope()
            right <- nextRight.MoveToOuterDisposeScope()
            solution <- nextSolution.MoveToOuterDisposeScope()
            direction <- nextDirection.MoveToOuterDisposeScope()

        { Solution = solution.MoveToOuterDisposeScope()
          Iterations = iterations
          Converged = isDone ()
          NormalResidual = normal }

    /// A random direction, normally distributed.
    let private randomStart key (like: torch.Tensor) (length: int64) =
        let values =
            Array.init (int length) (fun index -> CounterHash.normal key (uint64 index))

        let struct (direction, _) =
            normalise (torch.tensor(values).``to`` (like.dtype, like.device))

        direction

    /// Removes from a vector its shares along orthonormal directions; twice, for what rounding left the first time.
    let private orthogonalise (basis: List<torch.Tensor>) (vector: torch.Tensor) =
        let rows = torch.stack (basis, 0L)
        let once = vector - rows.t().mv (rows.mv vector)
        once - rows.t().mv (rows.mv once)

    let singularValues steps key (like: torch.Tensor) (map: LinearMap) =
        atLeastOne (nameof steps) steps

        if map.Rows < map.Columns then
            raise (
                ArgumentException(
                    $"A has {map.Rows} rows and {map.Columns} columns; it needs as many rows.",
                    nameof map
                )
            )

        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let rightVectors = List [ randomStart key like map.Columns ]
        let diagonal, beside = List<float>(), List<float>()
        let struct (first, firstAlpha) = normalise (map.Apply rightVectors[0])
        let mutable left = first
        diagonal.Add firstAlpha
        let mutable isComplete = map.Columns = 1L || firstAlpha = 0.0
        let limit = int (min (int64 steps) map.Columns)

        while not isComplete && diagonal.Count < limit do
            let last = rightVectors[rightVectors.Count - 1]

            let remainder =
                map.TransposeApply left - last * diagonal[diagonal.Count - 1].ToScalar()

            let struct (next, beta) = normalise (orthogonalise rightVectors remainder)

            // What is left over is rounding: the Krylov space ends here.
            if beta <= 1e-11 * Seq.max diagonal then
                isComplete <- true
            else
                let struct (nextLeft, nextAlpha) =
                    normalise (map.Apply next - left * beta.ToScalar())

                rightVectors.Add next
                beside.Add beta
                diagonal.Add nextAlpha
                left <- nextLeft
                isComplete <- nextAlpha = 0.0 || int64 diagonal.Count = map.Columns

        let size = int64 diagonal.Count
        let bidiagonal = Array2D.zeroCreate<float> (int size) (int size)

        for index in 0 .. diagonal.Count - 1 do
            bidiagonal[index, index] <- diagonal[index]

            if index < beside.Count then
                bidiagonal[index, index + 1] <- beside[index]

        let values =
            torch.linalg.svdvals(torch.tensor (bidiagonal, torch.float64)).data<float>().ToArray()

        { Largest = Array.max values
          Smallest = Array.min values
          IsComplete = isComplete }
