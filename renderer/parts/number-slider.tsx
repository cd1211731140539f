import { useId } from 'react';

interface Props {
  readonly label: string;
  readonly unit?: string | undefined;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly disabled?: boolean | undefined;
  readonly testId: string;
  readonly onChange: (value: number) => void;
}

/** A number that is dragged or typed; both say the same. Values out of range are not passed on. */
export function NumberSlider(props: Props) {
  const { label, unit, value, min, max, step, disabled, testId, onChange } = props;
  const id = useId();
  const take = (text: string): void => {
    const wanted = Number(text);
    if (text !== '' && Number.isFinite(wanted) && wanted >= min && wanted <= max) onChange(wanted);
  };
  const field = { min, max, step, disabled, value };
  return (
    <div className="slider">
      <label htmlFor={id}>{label}</label>
      <span className="slider-number">
        <input
          id={id}
          type="number"
          data-testid={testId}
          {...field}
          onChange={(event) => take(event.target.value)}
        />
        {unit && <span>{unit}</span>}
      </span>
      <input type="range" aria-label={label} {...field} onChange={(event) => take(event.target.value)} />
    </div>
  );
}
