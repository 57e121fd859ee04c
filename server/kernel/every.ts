/** Does something again and again, never twice at once, and never throws. */
export type Every = {
  /** Not only when its time has come. */
  readonly turn: () => Promise<void>;
  /** Waits for what is under way. */
  readonly stop: () => Promise<void>;
};

export function every(
  ms: number,
  work: () => Promise<unknown>,
  onFailure: (error: unknown) => void,
): Every {
  let under: Promise<void> | undefined;
  const doIt = async () => {
    try {
      await work();
    } catch (error) {
      onFailure(error);
    }
    under = undefined;
  };
  const turn = () => {
    under ??= doIt();
    return under;
  };
  const timer = setInterval(turn, ms).unref();
  return {
    turn,
    stop: async () => {
      clearInterval(timer);
      await under;
    },
  };
}
